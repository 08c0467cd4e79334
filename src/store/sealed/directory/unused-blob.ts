/**
 * A content of a folder that nobody needs goes, beside writers that may need it.
 *
 * Invariant: whoever has touched a content finds it afterwards, or was told that it is not there. So its name is taken
 * from it first, and given back where it was touched until then. A kill between leaves it under the other name, from
 * which `restoreGone` brings it back. That name is this removal's own: what several who clean up at once do to one
 * content, each does to what it has looked at itself.
 */
import { randomBytes } from 'node:crypto';
import { statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { diskNowMs } from '../../disk-clock.ts';
import {
  linkUnlessThere,
  renameFile,
  storageError,
  syncDirectory,
  systemCode,
  unlinkFile,
} from '../../durable-file.ts';
import { namesIn, statOf } from './looks.ts';

/** So far from the disk's clock the own one counts as the same. */
const CLOCKS_APART_MS = 1_000;
const GONE = /\.gone(-[0-9a-f]+)?$/;

/** It counts as used now. False: it is not there. */
export function isTouched(path: string): boolean {
  const now = new Date();
  try {
    utimesSync(path, now, now);
    // Whoever cleans up goes by the clock of the disk, which is the one that has set this.
    const { ctime } = statSync(path);
    if (Math.abs(ctime.getTime() - now.getTime()) > CLOCKS_APART_MS) utimesSync(path, ctime, ctime);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return false;
    throw storageError('touch', path, error);
  }
}

/** False: it is not there, was used since, or somebody else who cleans up has it in hand. */
export function removeUnused(path: string, unusedForMs: number): boolean {
  if (!isUnused(path, unusedForMs)) return false;
  const gone = `${path}.gone-${randomBytes(4).toString('hex')}`;
  if (!unlessGone(() => renameFile(path, gone))) return false;
  const isTaken = isUnused(gone, unusedForMs) && unlessGone(() => unlinkFile(gone));
  // Somebody else who cleans up may have given it back before its other name went: then it is theirs to remove.
  const isRemoved = isTaken && statOf(path) === undefined;
  if (!isRemoved) restore(gone, path);
  syncDirectory(dirname(path));
  return isRemoved;
}

/** What a removal that was killed has left; one that is under way finds it given back. */
export function restoreGone(blobs: string): void {
  for (const folder of namesIn(blobs))
    for (const name of namesIn(join(blobs, folder)))
      if (GONE.test(name)) restore(join(blobs, folder, name), join(blobs, folder, name.replace(GONE, '')));
}

function restore(gone: string, path: string): void {
  unlessGone(() => {
    // Where something is there, it was stored again meanwhile.
    linkUnlessThere(gone, path);
    unlinkFile(gone);
  });
}

/** False: somebody else was faster. */
function unlessGone(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    return false;
  }
}

function isUnused(path: string, unusedForMs: number): boolean {
  const stat = statOf(path);
  if (stat === undefined) return false;
  // A use is noted in whole milliseconds, rounded; in its own one it may lie ahead of the disk's clock.
  return Math.max(0, diskNowMs(dirname(path)) - stat.mtimeMs) >= unusedForMs;
}
