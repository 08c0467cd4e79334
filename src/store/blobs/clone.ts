/**
 * Copies of files that share their extents, where the filesystem can (Btrfs, XFS, APFS): they take no time and no
 * space.
 */
import { constants, copyFileSync } from 'node:fs';
import { storageError, systemCode, tryUnlink } from '../durable-file.ts';

/** What a filesystem answers that can't clone, or not this file. */
const UNABLE: ReadonlySet<string | undefined> = new Set([
  'ENOTSUP',
  'EOPNOTSUPP',
  'EXDEV',
  'EINVAL',
  'ENOTTY',
  'ENOSYS',
]);

export class Cloner {
  #canClone = process.platform === 'linux';

  /**
   * Clones an open file to a new path. False: it can't be cloned; nothing is there.
   * @throws HoldfastError `storage-failed`, `permission-denied`
   */
  clone(file: number, path: string, to: string): boolean {
    if (!this.#canClone) return false;
    try {
      copyFileSync(`/proc/self/fd/${file}`, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
      return true;
    } catch (error) {
      tryUnlink(to);
      const code = systemCode(error);
      if (!UNABLE.has(code)) throw storageError('copy', path, error);
      // The source's filesystem may differ from file to file, but a store whose own can't clone never will.
      if (code !== 'EXDEV') this.#canClone = false;
      return false;
    }
  }
}
