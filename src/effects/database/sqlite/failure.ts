/**
 * What SQLite's errors mean for a job's database: by code, with one exception: a missing table has no code of its own.
 */
import { defined } from '../../../model/defined.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { isSqliteError, sqliteProblem } from '../../../store/sqlite-failure.ts';
import { cutStatement } from '../statement-text.ts';

/** Our authorizer said no. */
const SQLITE_AUTH = 23;
const AUTH_HINT =
  '. A query may only read; ' +
  "a step's statement may not touch the transaction, other files, settings or Holdfast's tables, " +
  'nor make temporary tables, views or triggers';
/** More values than places for them. */
const SQLITE_RANGE = 25;
const HINTS: Readonly<Record<number, string>> = {
  [SQLITE_AUTH]: AUTH_HINT,
  [SQLITE_RANGE]: '. On SQLite the place of each value is `?`; `$1` is the name of one',
};

export interface SqlitePlace {
  readonly database: string;
  readonly statement?: string;
  /** Undefined: it is in memory. */
  readonly path?: string | undefined;
}

/** Turns whatever `node:sqlite` threw into a failure of the closed list. HoldfastErrors pass unchanged. */
export function sqliteFailure(error: unknown, place: SqlitePlace): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const statement = place.statement === undefined ? undefined : cutStatement(place.statement);
  const during = statement === undefined ? '' : ` while running ${statement}`;
  if (!isSqliteError(error)) return driverFailure(error, place.database, during);
  const { type, systemCode } = sqliteProblem(error, 'database', place.path);
  const code = `(SQLite code ${error.errcode})${HINTS[error.errcode] ?? ''}`;
  const cause = systemCode === undefined ? '' : `${systemCode}: `;
  const damaged = type === 'database-damaged' && place.path !== undefined ? `the file ${place.path} is damaged: ` : '';
  return new HoldfastError(
    error.message.startsWith('no such table: ') ? 'unknown-table' : type,
    `Database ${place.database}: ${damaged}${cause}${error.message}${during} ${code}.`,
    { database: place.database, sqliteCode: error.errcode, ...defined({ statement }) },
    { cause: error },
  );
}

/** Did the statement fail, and not what carries it? Then the connection is as good as before. */
export function isAboutStatement({ type }: HoldfastError): boolean {
  return type === 'sql-failed' || type === 'unknown-table' || type === 'busy' || type === 'bad-input';
}

/** The driver refuses what it can't do by codes of its own; all else is a defect. */
function driverFailure(error: unknown, database: string, during: string): HoldfastError {
  const isRefusal =
    error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('ERR_');
  const problem = error instanceof Error ? error.message : String(error);
  return new HoldfastError(
    isRefusal ? 'sql-failed' : 'defect',
    `Database ${database}: ${problem}${during}.`,
    { database },
    { cause: error },
  );
}
