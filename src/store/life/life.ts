/**
 * That a process lives, as the kernel knows it: it has a file locked until it ends. Here, and nowhere else, is decided
 * whether somebody is dead of whom only files are left.
 *
 * Invariants
 * 1. Only the end of the process, or its own `end`, frees the lock. No time, name of a host or number of a process is
 *    asked: containers count processes apart, hosts change their names, a frozen process does nothing and lives.
 * 2. Of several successors one obtains a dead one's lock. Whoever has it may remove what is left.
 */
import { existsSync, rmSync } from 'node:fs';
import { isTakenByAnother } from '../../model/error-table.ts';
import { HoldfastError } from '../../model/failure.ts';
import { storageError, systemCode } from '../durable-file.ts';
import { isSqliteError } from '../sqlite-failure.ts';
import { LockedFile } from './locked-file.ts';

export class Life {
  readonly #path: string;
  readonly #file: LockedFile;
  #isOver = false;

  /**
   * Obtains the lock of a file, which is made where it is missing.
   * @throws HoldfastError `busy` (somebody lives by it, or it was removed this moment), `storage-failed`,
   *   `permission-denied`
   */
  static take(path: string): Life {
    const file = LockedFile.open(path);
    try {
      // Whoever had the lock before may have removed the file that is locked now.
      if (file?.tryBegin() === true && file.isAtPath()) return new Life(path, file);
    } catch (error) {
      file?.close();
      throw error;
    }
    file?.close();
    throw new HoldfastError('busy', `"${path}" is locked by another process.`, { path });
  }

  /** The same; undefined: another process lives by the file, has just taken it for a dead one's, or removed it. */
  static tryTake(path: string): Life | undefined {
    try {
      return Life.take(path);
    } catch (error) {
      if (isOfAnother(error)) return undefined;
      throw error;
    }
  }

  /**
   * Obtains what a dead process has left; nothing is made. Undefined: its process lives, another successor was faster,
   * or there is no file.
   */
  static ofDead(path: string): Life | undefined {
    return existsSync(path) ? Life.tryTake(path) : undefined;
  }

  private constructor(path: string, file: LockedFile) {
    this.#path = path;
    this.#file = file;
  }

  /** Frees the lock and leaves the file, as the end of the process does: what it stands for is still there. */
  free(): void {
    this.#isOver = true;
    this.#file.close();
  }

  /**
   * Removes the file, then frees the lock. What the file stands for must be gone already. Safe to repeat.
   * @throws HoldfastError where the file can't be removed; the lock is free
   */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    try {
      // While it still has the lock: nobody takes what is being removed.
      if (this.#file.isAtPath()) rmSync(this.#path, { force: true });
    } catch (error) {
      throw storageError('unlink', this.#path, error);
    } finally {
      this.#file.close();
    }
  }
}

function isOfAnother(error: unknown): boolean {
  if (!(error instanceof HoldfastError)) return false;
  // ENOENT: the folder that it lies in was removed.
  if (error.type === 'busy' || systemCode(error) === 'ENOENT') return true;
  return isSqliteError(error.cause) && isTakenByAnother(error.cause.errcode);
}
