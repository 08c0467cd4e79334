/**
 * What SQLite's errors mean, by extended result code (sqlite.org/rescode.html), never by message, with one exception:
 * a missing table has no code of its own.
 */
import { HoldfastError } from '../../../model/failure.ts';
import type { FailureType } from '../../../model/failures.ts';
import { cutStatement } from '../statement-text.ts';

const BY_PRIMARY_CODE: Readonly<Record<number, FailureType>> = {
  3: 'permission-denied', // SQLITE_PERM
  5: 'busy', // SQLITE_BUSY
  6: 'busy', // SQLITE_LOCKED
  8: 'permission-denied', // SQLITE_READONLY
  10: 'storage-failed', // SQLITE_IOERR
  11: 'storage-failed', // SQLITE_CORRUPT
  13: 'storage-failed', // SQLITE_FULL
  14: 'storage-unreachable', // SQLITE_CANTOPEN
  15: 'busy', // SQLITE_PROTOCOL: locks kept changing under us
  17: 'busy', // SQLITE_SCHEMA: changed while it ran
  26: 'storage-failed', // SQLITE_NOTADB
};

/** Our authorizer said no. */
const SQLITE_AUTH = 23;

export interface SqliteErrorLike extends Error {
  readonly code: 'ERR_SQLITE_ERROR';
  /** Extended result code. */
  readonly errcode: number;
  readonly errstr: string;
}

/** Turns whatever `node:sqlite` threw into a failure of the closed list. HoldfastErrors pass unchanged. */
export function sqliteFailure(
  error: unknown,
  where: { readonly database: string; readonly statement?: string },
): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const statement = where.statement === undefined ? '' : ` while running ${cutStatement(where.statement)}`;
  if (!isSqliteError(error)) {
    const code = (error as { code?: unknown } | null)?.code;
    const isDriverRefusal = typeof code === 'string' && code.startsWith('ERR_');
    const message = `Database ${where.database}: ${error instanceof Error ? error.message : String(error)}${statement}.`;
    return new HoldfastError(
      isDriverRefusal ? 'sql-failed' : 'defect',
      message,
      { database: where.database },
      { cause: error },
    );
  }
  const type = error.message.startsWith('no such table: ')
    ? 'unknown-table'
    : (BY_PRIMARY_CODE[error.errcode & 0xff] ?? 'sql-failed');
  const details = {
    database: where.database,
    sqliteCode: error.errcode,
    ...(where.statement === undefined ? {} : { statement: cutStatement(where.statement) }),
  };
  const hint =
    error.errcode === SQLITE_AUTH
      ? ". A query may only read; a step's statement may not touch the transaction, other files, settings or Holdfast's tables"
      : '';
  return new HoldfastError(
    type,
    `Database ${where.database}: ${error.message}${statement} (SQLite code ${error.errcode})${hint}.`,
    details,
    { cause: error },
  );
}

function isSqliteError(error: unknown): error is SqliteErrorLike {
  return (
    error instanceof Error &&
    (error as Partial<SqliteErrorLike>).code === 'ERR_SQLITE_ERROR' &&
    typeof (error as Partial<SqliteErrorLike>).errcode === 'number'
  );
}
