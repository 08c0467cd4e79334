/**
 * Refuses an intent that names one file twice under different names, or a file and something inside it.
 *
 * Invariant: two targets that the filesystem would take for one are refused, whatever their spelling: letter case and
 * Unicode forms where the filesystem folds them (the filesystem decides, by a probe file), folders reached through
 * symbolic links, and hard links of one inode.
 */
import { closeSync, constants, openSync, realpathSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { HoldfastError } from '../../model/failure.ts';
import { tryUnlink } from '../../store/durable-file.ts';
import type { FileChange } from './change.ts';
import { folderOf, nameOf, TEMPORARY_PREFIX } from './path.ts';
import { inodeKey, tryStatOf } from './stat.ts';
import type { FileWorkspace } from './workspace.ts';

/** The name of a probe file. */
export const PROBE_NAME = /^\.holdfast-[0-9a-f]{12}-/;

/**
 * Checks the targets of one intent; their paths are normal. Opens nothing but, where two names differ only in a way
 * that a filesystem may fold, a probe file for a moment.
 * @throws HoldfastError `same-target-twice` naming both
 */
export function refuseSameTargets(workspace: FileWorkspace, targets: readonly FileChange[]): void {
  if (targets.length < 2) return;
  const places = new Map<string, FileChange>();
  const folded = new Map<string, FileChange[]>();
  const inodes = new Map<string, FileChange>();
  const folders = new Map<string, string>();
  const placeOf = (path: string): string => {
    const folder = folderOf(path);
    let place = folders.get(folder);
    if (place === undefined) folders.set(folder, (place = realPlaceOf(workspace, folder)));
    return `${place}/${nameOf(path)}`;
  };

  for (const target of targets) {
    const place = placeOf(target.path);
    refuse(places.get(place), target, 'name the same file');
    places.set(place, target);

    const key = foldKey(place);
    const alike = folded.get(key) ?? [];
    for (const earlier of alike)
      if (isFolded(workspace, place, placeOf(earlier.path))) refuse(earlier, target, 'are one name on this filesystem');
    folded.set(key, [...alike, target]);

    const stat = tryStatOf(place);
    if (stat?.isFile() !== true) continue;
    refuse(inodes.get(inodeKey(stat)), target, 'are hard links of one file');
    inodes.set(inodeKey(stat), target);
  }
  refuseParents(workspace, places, folded);
}

/** A target that is (or becomes) no folder can't have targets in it; one that was a folder, only removals. */
function refuseParents(
  workspace: FileWorkspace,
  places: ReadonlyMap<string, FileChange>,
  folded: ReadonlyMap<string, readonly FileChange[]>,
): void {
  for (const [place, target] of places) {
    for (let above = folderOf(place); above.length > workspace.root.length; above = folderOf(above)) {
      const parents = places.has(above)
        ? [places.get(above)!]
        : (folded.get(foldKey(above)) ?? []).filter((parent) =>
            isFolded(workspace, `${workspace.root}/${parent.path}`, above),
          );
      for (const parent of parents) {
        const isFolder =
          parent.after.kind === 'directory' || (parent.before.kind === 'directory' && target.after.kind === 'absent');
        if (!isFolder) refuse(parent, target, 'cannot both be: the one would lie inside the other, which is no folder');
      }
    }
  }
}

function refuse(earlier: FileChange | undefined, target: FileChange, why: string): void {
  if (earlier === undefined) return;
  throw new HoldfastError('same-target-twice', `"${earlier.path}" and "${target.path}" ${why}.`, {
    paths: [earlier.path, target.path],
  });
}

/** The folder's real path as far as it exists, then the rest of its name. */
function realPlaceOf(workspace: FileWorkspace, folder: string): string {
  if (folder === '') return workspace.root;
  try {
    return realpathSync.native(`${workspace.root}/${folder}`);
  } catch {
    return `${realPlaceOf(workspace, folderOf(folder))}/${nameOf(folder)}`;
  }
}

/** Equal for all names that some filesystem might fold into one: more than any of them does. */
function foldKey(place: string): string {
  return place.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
}

/** Does the filesystem take two places for one? */
function isFolded(workspace: FileWorkspace, a: string, b: string): boolean {
  if (a === b) return true;
  const [aParts, bParts] = [a.split('/'), b.split('/')];
  return (
    aParts.length === bParts.length &&
    aParts.every(
      (part, index) =>
        part === bParts[index] || foldsTogether(workspace, aParts.slice(0, index).join('/'), part, bParts[index]!),
    )
  );
}

function foldsTogether(workspace: FileWorkspace, folder: string, a: string, b: string): boolean {
  let existing = folder;
  while (existing.length > workspace.root.length && tryStatOf(existing)?.isDirectory() !== true)
    existing = folderOf(existing);
  const prefix = `${existing}/${TEMPORARY_PREFIX}${randomBytes(6).toString('hex')}-`;
  try {
    closeSync(openSync(prefix + a, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600));
  } catch {
    // No probe is possible (name too long, folder not writable): then two names that look alike count as one.
    return true;
  }
  try {
    return tryStatOf(prefix + b) !== undefined;
  } finally {
    tryUnlink(prefix + a);
  }
}
