/**
 * What PostgreSQL's errors mean, by SQLSTATE (postgresql.org/docs/current/errcodes-appendix.html); errors of the
 * connection have none.
 */
import pg from 'pg';
import { defined } from '../../../model/defined.ts';
import { HoldfastError } from '../../../model/failure.ts';
import type { FailureType } from '../../../model/failures.ts';
import { cutStatement } from '../statement-text.ts';

/** The longest prefix decides. */
const BY_SQLSTATE: Readonly<Record<string, FailureType>> = {
  '08': 'storage-unreachable', // connection
  '25P03': 'busy', // idle in transaction
  '25P04': 'busy', // transaction_timeout
  '28': 'permission-denied', // authentication
  '3D': 'storage-unreachable', // no such database
  '3F': 'unknown-table', // no such schema
  '40': 'busy', // serialization failure, deadlock
  '42501': 'permission-denied',
  '42P01': 'unknown-table',
  '53': 'storage-unreachable', // too many connections, out of memory
  '53100': 'storage-failed', // disk full
  '55006': 'busy', // object in use
  '55P03': 'busy', // lock_timeout
  '57014': 'busy', // statement_timeout
  '57P': 'storage-unreachable', // server stopping or starting
  '58': 'storage-failed', // I/O
  XX001: 'storage-failed', // damaged file
  XX002: 'storage-failed', // damaged index
};

export interface ErrorPlace {
  readonly database: string;
  readonly statement?: string | undefined;
  /** What the server said last before it closed the connection, if it did. */
  readonly lastWords?: unknown;
}

/** Turns whatever `pg` threw into a failure of the closed list. HoldfastErrors pass unchanged. */
export function postgresFailure(error: unknown, place: ErrorPlace): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const known = [error, place.lastWords].find((said) => said instanceof pg.DatabaseError);
  const statement = place.statement === undefined ? '' : ` while running ${cutStatement(place.statement)}`;
  const details = {
    database: place.database,
    ...defined({ statement: place.statement === undefined ? undefined : cutStatement(place.statement) }),
  };
  if (known?.code !== undefined) {
    const hints = [known.detail, known.hint].filter((hint) => hint !== undefined).join(' ');
    const problem = `Database ${place.database}: ${known.message}${statement} (SQLSTATE ${known.code}).`;
    const message = hints === '' ? problem : `${problem} ${hints}`;
    return new HoldfastError(typeOf(known.code), message, { ...details, sqlState: known.code }, { cause: error });
  }
  return new HoldfastError(
    connectionFailureType(error),
    `Database ${place.database}: ${connectionMessage(error)}${statement}.`,
    details,
    {
      cause: error,
    },
  );
}

/** Whether the failure may come of what we believed of the table: a name or type that is not (any more) what it was. */
export function isAboutSchema(error: HoldfastError): boolean {
  const state = error.details['sqlState'];
  return (
    state === '42703' ||
    state === '42P01' ||
    state === '42804' ||
    state === '42883' ||
    state === '42704' ||
    state === '42P10'
  );
}

function typeOf(sqlState: string): FailureType {
  for (let length = sqlState.length; length >= 2; length--) {
    const type = BY_SQLSTATE[sqlState.slice(0, length)];
    if (type !== undefined) return type;
  }
  return 'sql-failed';
}

function connectionFailureType(error: unknown): FailureType {
  if (error instanceof TypeError || error instanceof RangeError) return 'defect';
  return isAboutPassword(error) ? 'permission-denied' : 'storage-unreachable';
}

/** A host with several addresses fails with one error for each, and an empty message of its own. */
function connectionMessage(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map((part: unknown) => connectionMessage(part)).join('; ');
  return error instanceof Error
    ? error.message || String((error as { code?: unknown }).code ?? error.name)
    : String(error);
}

/** A URL without a password, to a server that wants one: the driver's own complaint has no code. */
function isAboutPassword(error: unknown): boolean {
  return error instanceof Error && /^SASL|client password must be a string/.test(error.message);
}
