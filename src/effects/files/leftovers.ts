/**
 * The leftovers of attempts that ended in between: temporary files beside the targets, and captured old files.
 *
 * Invariant: nothing captured is removed before its content is in the store.
 */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../../model/digest.ts';
import type { BlobStore } from '../../store/blobs/blobs.ts';
import { storageError, systemCode } from '../../store/durable-file.ts';
import { capturedDirectory, dropCaptured } from './captured.ts';
import { shortToken } from './change.ts';
import { OpenFolder } from './open-folder.ts';
import { folderOf, TEMPORARY_PREFIX } from './path.ts';
import { removeTemporary } from './temporary.ts';
import type { FileWorkspace } from './workspace.ts';

export interface LeftoverFile {
  /** Relative to the workspace. */
  readonly path: string;
  readonly kind: 'temporary' | 'captured';
}

/** The leftovers of a token's changes. `paths`: its targets; only their folders, and those above, can hold any. */
export function findLeftoverFiles(workspace: FileWorkspace, token: string, paths: readonly string[]): LeftoverFile[] {
  const prefix = `${TEMPORARY_PREFIX}${shortToken(token)}-`;
  const leftovers: LeftoverFile[] = namesIn(capturedDirectory(workspace))
    .filter((name) => name.startsWith(`${shortToken(token)}-`))
    .map((name) => ({ path: `.holdfast/captured/${name}`, kind: 'captured' }));
  for (const place of foldersAbove(paths)) {
    const folder = openOrSkip(workspace, place);
    if (folder === undefined) continue;
    try {
      for (const name of namesIn(folder.at('.'))) {
        if (!name.startsWith(prefix)) continue;
        leftovers.push({
          path: place === '' ? name : `${place}/${name}`,
          kind: name.endsWith('.old') ? 'captured' : 'temporary',
        });
      }
    } finally {
      folder.close();
    }
  }
  return leftovers.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * Removes them, under the lock, when the token's changes are settled (committed or given up). Safe to repeat.
 * @returns contents that were still captured, now in the store
 */
export async function removeLeftoverFiles(
  workspace: FileWorkspace,
  token: string,
  paths: readonly string[],
  blobs: BlobStore,
): Promise<Digest[]> {
  const stored: Digest[] = [];
  for (const { path, kind } of findLeftoverFiles(workspace, token, paths)) {
    const absolute = join(workspace.root, path);
    if (kind === 'temporary') {
      removeTemporary(absolute);
    } else if (lstatSync(absolute, { throwIfNoEntry: false })?.isFile() === true) {
      stored.push((await blobs.putFromFile(absolute)).content);
      dropCaptured(absolute);
    }
  }
  return stored;
}

/** `<16 digits of the token>-<index>`, as `captured.ts` names them. */
const CAPTURED_NAME = /^([0-9a-f]{16})-[a-z0-9-]+$/;

/**
 * Captured files of changes that are settled: a power loss may take their removal back. Call under the lock. Safe to
 * repeat. @param isSettled whether the changes of a token, of which these are the first digits, are recorded
 */
export async function removeSettledCaptures(
  workspace: FileWorkspace,
  blobs: BlobStore,
  isSettled: (shortToken: string) => boolean,
): Promise<void> {
  const directory = capturedDirectory(workspace);
  for (const name of namesIn(directory)) {
    const token = CAPTURED_NAME.exec(name)?.[1];
    if (token === undefined || !isSettled(token)) continue;
    const path = join(directory, name);
    if (lstatSync(path).isFile()) await blobs.putFromFile(path);
    dropCaptured(path);
  }
}

function foldersAbove(paths: readonly string[]): Set<string> {
  const folders = new Set<string>();
  for (const path of paths) {
    for (let folder = folderOf(path); !folders.has(folder); folder = folderOf(folder)) folders.add(folder);
  }
  return folders;
}

/** A folder that leads out of the workspace by now holds no leftovers. */
function openOrSkip(workspace: FileWorkspace, place: string): OpenFolder | undefined {
  try {
    return OpenFolder.open(workspace, place);
  } catch {
    return undefined;
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw storageError('list', directory, error);
  }
}
