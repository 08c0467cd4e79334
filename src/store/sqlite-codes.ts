/**
 * What SQLite's errors mean to Holdfast, by primary result code (sqlite.org/rescode.html), never by message.
 *
 * One code may mean different things to different users: a ledger that is not a database is a damaged record; a user's
 * database in the same state is storage that failed; a lock file that can't be opened was most likely made by another
 * user, while a database that can't be opened is out of reach.
 */
import type { FailureType } from '../model/failures.ts';

export interface SqliteError extends Error {
  readonly code: 'ERR_SQLITE_ERROR';
  /** Extended result code; its low byte is the primary one. */
  readonly errcode: number;
}

/** Who uses SQLite. `register`: of workers; its only question is whether another worker has taken the folder. */
export type SqliteUse = 'ledger' | 'lock' | 'register' | 'database';

interface CodeMeaning extends Partial<Record<Exclude<SqliteUse, 'register'>, FailureType>> {
  readonly register?: 'taken';
}

// A code without an entry for a use means nothing in particular to it: the use has a failure for all such codes.
const MEANINGS: Readonly<Record<number, CodeMeaning>> = {
  // SQLITE_PERM
  3: { ledger: 'permission-denied', database: 'permission-denied' },
  // SQLITE_BUSY: another connection has the lock.
  5: { ledger: 'busy', lock: 'busy', register: 'taken', database: 'busy' },
  // SQLITE_LOCKED
  6: { ledger: 'busy', database: 'busy' },
  // SQLITE_READONLY; to the register: the file was removed under an open connection.
  8: { ledger: 'permission-denied', lock: 'permission-denied', register: 'taken', database: 'permission-denied' },
  // SQLITE_IOERR; to the register: the same.
  10: { ledger: 'storage-failed', register: 'taken', database: 'storage-failed' },
  // SQLITE_CORRUPT
  11: { ledger: 'ledger-damaged', database: 'storage-failed' },
  // SQLITE_FULL
  13: { ledger: 'storage-failed', database: 'storage-failed' },
  // SQLITE_CANTOPEN
  14: { ledger: 'storage-failed', lock: 'permission-denied', register: 'taken', database: 'storage-unreachable' },
  // SQLITE_PROTOCOL: the locks of a WAL file kept changing.
  15: { database: 'busy' },
  // SQLITE_SCHEMA: the schema changed while a statement ran.
  17: { database: 'busy' },
  // SQLITE_AUTH
  23: { ledger: 'permission-denied' },
  // SQLITE_NOTADB
  26: { ledger: 'ledger-damaged', database: 'storage-failed' },
};

export function isSqliteError(error: unknown): error is SqliteError {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'ERR_SQLITE_ERROR' &&
    'errcode' in error &&
    typeof error.errcode === 'number'
  );
}

/** Undefined: the error is not SQLite's, or its code means nothing in particular to this use. */
export function sqliteMeaning<U extends SqliteUse>(error: unknown, use: U): CodeMeaning[U] | undefined {
  return isSqliteError(error) ? MEANINGS[error.errcode & 0xff]?.[use] : undefined;
}
