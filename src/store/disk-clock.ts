/**
 * The clock that stamps the files of a folder. How old a file is, is told by it alone: the process's own clock may
 * have been set since, or be another machine's than the one that wrote the file.
 *
 * Invariant: no file is made and no content or time of one that is there is changed.
 */
import { statSync, utimesSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * What the clock of a folder's file system shows. Where it can't be asked (the folder is another user's, or may only
 * be read), the process's own clock.
 * @param folder one of Holdfast's own
 */
export function diskNowMs(folder: string): number {
  try {
    const { atime, mtime } = statSync(folder);
    // Whoever sets these times has the change time set to now, which nobody can choose.
    utimesSync(folder, atime, mtime);
    return statSync(folder).ctimeMs;
  } catch {
    return Date.now();
  }
}

/** So long ago a file was written, by the clock that stamped it. Undefined: it is not there. */
export function fileAgeMs(path: string): number | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? undefined : diskNowMs(dirname(path)) - stat.mtimeMs;
}
