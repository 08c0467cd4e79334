/**
 * A content of a folder that nobody needs goes, beside writers that may need it.
 *
 * Invariant: whoever has touched a content finds it afterwards, or was told that it is not there. So its name is taken
 * from it first, and given back where it was touched until then. A kill between leaves it under the other name, from
 * which `restoreGone` brings it back.
 */
import { utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  linkUnlessThere,
  renameFile,
  storageError,
  syncDirectory,
  systemCode,
  unlinkFile,
} from '../../durable-file.ts';
import { namesIn, statOf } from './looks.ts';

const GONE = '.gone';

/** It counts as used now. False: it is not there. */
export function isTouched(path: string): boolean {
  const now = new Date();
  try {
    utimesSync(path, now, now);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return false;
    throw storageError('touch', path, error);
  }
}

/** False: it is not there, or was used since. */
export function removeUnused(path: string, unusedForMs: number): boolean {
  if (!isUnused(path, unusedForMs)) return false;
  const gone = `${path}${GONE}`;
  renameFile(path, gone);
  const isStill = isUnused(gone, unusedForMs);
  if (isStill) unlinkFile(gone);
  else restore(gone, path);
  syncDirectory(dirname(path));
  return isStill;
}

/** What a removal that was killed has left. */
export function restoreGone(blobs: string): void {
  for (const folder of namesIn(blobs))
    for (const name of namesIn(join(blobs, folder)))
      if (name.endsWith(GONE)) restore(join(blobs, folder, name), join(blobs, folder, name.slice(0, -GONE.length)));
}

function restore(gone: string, path: string): void {
  // Where something is there, it was stored again meanwhile.
  linkUnlessThere(gone, path);
  unlinkFile(gone);
}

function isUnused(path: string, unusedForMs: number): boolean {
  const stat = statOf(path);
  return stat !== undefined && Date.now() - stat.mtimeMs >= unusedForMs;
}
