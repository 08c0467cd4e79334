/** What PostgreSQL or a connection to it reports, as failures of the closed list. */
import pg from 'pg';
import { connectionFailureType, sqlStateFailureType } from '../../../model/error-table.ts';
import { HoldfastError } from '../../../model/failure.ts';
import type { FailureType } from '../../../model/failures.ts';
import { systemCode } from '../../durable-file.ts';

interface Place {
  readonly location: string;
  /** What the server said last before it closed the connection, if it did. */
  readonly lastWords?: unknown;
}

/** Turns whatever `pg` threw into a failure of the closed list. Errors of others pass unchanged. */
export function postgresStoreFailure(error: unknown, { location, lastWords }: Place): unknown {
  if (error instanceof HoldfastError) return error;
  const known = [error, lastWords].find((said) => said instanceof pg.DatabaseError);
  const place = { store: location };
  if (known?.code !== undefined) {
    const problem = `The store ${location}: ${known.message} (SQLSTATE ${known.code}).`;
    return new HoldfastError(
      sqlStateFailureType(known.code),
      problem,
      { ...place, sqlState: known.code },
      { cause: error },
    );
  }
  const type = typeOf(error, lastWords);
  if (type === undefined) return error;
  return new HoldfastError(type, `The store ${location}: ${messageOf(error)}.`, place, { cause: error });
}

/** What the driver says of a connection, without a code. */
const OF_CONNECTION: readonly string[] = [
  'Connection terminated',
  'Query read timeout',
  'timeout expired',
  'Client has encountered',
  'Client was closed',
  'The server does not',
];

/** Undefined: it is no error of the connection. */
function typeOf(error: unknown, lastWords: unknown): FailureType | undefined {
  if (!(error instanceof Error)) return undefined;
  if (/^SASL|client password must be a string/.test(error.message)) return 'permission-denied';
  const code = systemCode(error);
  const isSaid = OF_CONNECTION.some((begin) => error.message.startsWith(begin));
  const isConnections = lastWords !== undefined || error instanceof AggregateError || isSaid;
  return code !== undefined || isConnections ? connectionFailureType(code) : undefined;
}

/** A host with several addresses fails with one error for each, and an empty message of its own. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message || error.name : String(error);
}
