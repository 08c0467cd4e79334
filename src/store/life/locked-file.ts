/**
 * A connection to a file that is only there to be locked. It holds the lock by an open exclusive transaction, knows the
 * file's inode, and the kernel ends both with the process.
 *
 * Invariants
 * 1. This process opens the file by SQLite only: closing another descriptor of it would drop its POSIX locks. But for
 *    making it: on a file that was not there a moment ago nobody has a lock.
 * 2. No wait happens inside SQLite, and nothing is ever written: no journal is needed.
 * 3. A connection that could not write is not used: its "exclusive" transaction would exclude nobody that reads.
 */
import { lstatSync, type BigIntStats } from 'node:fs';
import { sqliteFailureType } from '../../model/error-table.ts';
import { HoldfastError } from '../../model/failure.ts';
import { makePrivateFile, OF_RECORD, storageError } from '../durable-file.ts';
import { isSqliteError, mustBeWritable, sqliteProblem } from '../sqlite-failure.ts';
import { PROOF_OF_WRITING, SqliteStore } from '../sqlite-store.ts';

/** A file that is replaced more often while it is opened or locked is given up. */
export const MAX_REOPENINGS = 10;

export class LockedFile {
  readonly #path: string;
  readonly #store: SqliteStore;
  readonly #inode: string;

  /**
   * SQLite doesn't tell which file it has opened, and this process must not open the file beside it. A file that is the
   * same before and after the opening is the one that was opened.
   * @returns undefined: busy this moment
   */
  static open(path: string): LockedFile | undefined {
    for (let count = 0; count < MAX_REOPENINGS; count++) {
      makePrivateFile(path);
      const before = inodeAt(path);
      let store: SqliteStore | undefined;
      try {
        mustBeWritable(path);
        store = new SqliteStore(path, { timeout: 0, pragmas: 'PRAGMA journal_mode = MEMORY' });
        store.exec(PROOF_OF_WRITING);
        if (before !== undefined && inodeAt(path) === before) return new LockedFile(path, store, before);
      } catch (error) {
        store?.close();
        if (isBusy(error)) return undefined;
        throw lockFailure(path, error);
      }
      store.close();
    }
    throw replacedAgainAndAgain(path);
  }

  private constructor(path: string, store: SqliteStore, inode: string) {
    this.#path = path;
    this.#store = store;
    this.#inode = inode;
  }

  /** False: another connection has the lock, of this process or of another. */
  tryBegin(): boolean {
    try {
      this.#store.run('BEGIN EXCLUSIVE');
      return true;
    } catch (error) {
      if (isBusy(error)) return false;
      throw lockFailure(this.#path, error);
    }
  }

  isAtPath(): boolean {
    return inodeAt(this.#path) === this.#inode;
  }

  /** @throws HoldfastError: the lock is then given back by closing */
  end(): void {
    try {
      this.#store.run('ROLLBACK');
    } catch (error) {
      throw lockFailure(this.#path, error);
    }
  }

  close(): void {
    this.#store.close();
  }
}

export function replacedAgainAndAgain(path: string): HoldfastError {
  return new HoldfastError('storage-failed', `"${path}" is replaced again and again.`, { path });
}

function inodeAt(path: string): string | undefined {
  let stat: BigIntStats | undefined;
  try {
    stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    throw storageError('look at', path, error, OF_RECORD);
  }
  if (stat === undefined) return undefined;
  if (!stat.isFile())
    throw new HoldfastError('storage-failed', `"${path}" is not a regular file. Expected a lock of Holdfast's.`, {
      path,
    });
  return `${stat.dev}:${stat.ino}`;
}

function isBusy(error: unknown): boolean {
  return isSqliteError(error) && sqliteFailureType(error.errcode, 'lock') === 'busy';
}

function lockFailure(path: string, error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  if (!isSqliteError(error)) return storageError('lock', path, error, OF_RECORD);
  const { type, text } = sqliteProblem(error, 'lock', path);
  return new HoldfastError(type, `Could not lock "${path}": ${text}.`, { path, ...OF_RECORD }, { cause: error });
}
