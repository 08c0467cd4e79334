/**
 * A connection to the lock file, of which it knows the inode. It holds the lock by an open exclusive transaction.
 *
 * Invariants
 * 1. This process opens the lock file by SQLite only: closing another descriptor of it would drop its POSIX locks.
 * 2. No wait happens inside SQLite, and nothing is ever written: no journal is needed.
 */
import { lstatSync } from 'node:fs';
import { HoldfastError } from '../../model/failure.ts';
import { sqliteMeaning } from '../sqlite-codes.ts';
import { SqliteStore } from '../sqlite-store.ts';

/** A file that is replaced more often while it is opened or locked is given up. */
export const MAX_REOPENINGS = 10;

export class LockConnection {
  readonly #path: string;
  readonly #store: SqliteStore;
  readonly #inode: string;

  /**
   * SQLite doesn't tell which file it has opened, and this process must not open the file beside it. A file that is the
   * same before and after the opening is the one that was opened.
   * @returns undefined: busy this moment
   */
  static open(path: string): LockConnection | undefined {
    for (let count = 0; count < MAX_REOPENINGS; count++) {
      const before = inodeAt(path);
      let store: SqliteStore | undefined;
      try {
        store = new SqliteStore(path, { timeout: 0, pragmas: 'PRAGMA journal_mode = MEMORY' });
        if (before !== undefined && inodeAt(path) === before) return new LockConnection(path, store, before);
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

  /** False: another process has the lock. */
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

  end(): void {
    this.#store.run('ROLLBACK');
  }

  close(): void {
    this.#store.close();
  }
}

export function replacedAgainAndAgain(path: string): HoldfastError {
  return new HoldfastError('storage-failed', `"${path}" is replaced again and again.`, { path });
}

function inodeAt(path: string): string | undefined {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (!stat.isFile())
    throw new HoldfastError('storage-failed', `"${path}" is not a regular file. Expected the workspace's lock.`, {
      path,
    });
  return `${stat.dev}:${stat.ino}`;
}

function isBusy(error: unknown): boolean {
  return sqliteMeaning(error, 'lock') === 'busy';
}

function lockFailure(path: string, error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new HoldfastError(
    sqliteMeaning(error, 'lock') ?? 'storage-failed',
    `Could not lock "${path}": ${text}.`,
    { path },
    { cause: error },
  );
}
