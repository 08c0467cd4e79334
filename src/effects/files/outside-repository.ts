/**
 * Git repositories of which a tree has only a reference: a linked worktree's, or a submodule's whose repository lies
 * elsewhere. A copy of the reference would lead to the very same repository.
 *
 * Invariant: what is not named here leads, from a copy of the tree, to nothing but the copy: an absolute reference
 * is named even where it leads into the tree itself.
 */
import { readFileSync } from 'node:fs';
import { folderOf, nameOf } from './path.ts';
import type { Tree, TreeEntry } from './tree.ts';

/** `gitdir: …` has at most a path. */
const MAX_REFERENCE_BYTES = 8192;

/** Path of a `.git` → where its repository lies, as the reference says it. */
export function outsideRepositories(root: string, tree: Tree): ReadonlyMap<string, string> {
  const outside = new Map<string, string>();
  for (const [path, entry] of tree) {
    if (nameOf(path) !== '.git') continue;
    const place = referenceAt(root, path, entry, tree);
    if (place !== undefined && leadsOut(folderOf(path), place)) outside.set(path, place);
  }
  return outside;
}

/** What a `.git` refers to, relative to its folder; undefined: it is the repository itself. */
function referenceAt(root: string, path: string, entry: TreeEntry, tree: Tree): string | undefined {
  switch (entry.kind) {
    case 'symlink':
      return entry.target;
    case 'file':
      return entry.sizeBytes > MAX_REFERENCE_BYTES ? undefined : matchIn(root, path, /^gitdir: (.+?)\r?\n*$/);
    case 'directory':
      return insideReference(root, path, tree);
    default:
      return undefined;
  }
}

/** A repository that has its objects, or the files that it is about, elsewhere. */
function insideReference(root: string, path: string, tree: Tree): string | undefined {
  const common = tree.has(`${path}/commondir`) ? matchIn(root, `${path}/commondir`, /^(.+?)\r?\n*$/) : undefined;
  if (common !== undefined) return leadsOut(path, common) ? common : undefined;
  const worktree = tree.has(`${path}/config`)
    ? matchIn(root, `${path}/config`, /^\s*worktree\s*=\s*(.+)$/im)
    : undefined;
  return worktree !== undefined && leadsOut(path, worktree) ? worktree : undefined;
}

function matchIn(root: string, path: string, pattern: RegExp): string | undefined {
  try {
    return pattern.exec(readFileSync(`${root}/${path}`, 'utf8'))?.[1];
  } catch {
    // Gone, or not to be read: nothing can follow it either.
    return undefined;
  }
}

function leadsOut(folder: string, place: string): boolean {
  if (place.startsWith('/')) return true;
  const folders = folder.split('/').filter((part) => part !== '');
  for (const part of place.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') folders.push(part);
    else if (folders.pop() === undefined) return true;
  }
  return false;
}
