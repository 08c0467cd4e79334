/** PostgreSQL's errors, by SQLSTATE, and those of the connection, which have none, as failures of the closed list. */
import pg from 'pg';
import { defined } from '../../../model/defined.ts';
import { connectionFailureType, sqlStateFailureType } from '../../../model/error-table.ts';
import { HoldfastError } from '../../../model/failure.ts';
import type { FailureType } from '../../../model/failures.ts';
import { systemCode } from '../../../store/durable-file.ts';
import { cutStatement } from '../statement-text.ts';

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
    return new HoldfastError(
      sqlStateFailureType(known.code),
      message,
      { ...details, sqlState: known.code },
      { cause: error },
    );
  }
  return new HoldfastError(
    failureTypeOf(error),
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

function failureTypeOf(error: unknown): FailureType {
  if (error instanceof TypeError || error instanceof RangeError) return 'defect';
  return isAboutPassword(error) ? 'permission-denied' : connectionFailureType(systemCode(error));
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
