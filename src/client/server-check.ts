/**
 * What a server has for Holdfast, as data: version, namespace, search attributes. For `holdfast doctor` and a console.
 */
import { isGrpcServiceError, type Connection } from '@temporalio/client';
import { DISCREPANCIES_ATTRIBUTE, STATE_ATTRIBUTE } from './job-listing.ts';

/** What a server has for Holdfast. */
export interface ServerCheck {
  /** As the server names it. */
  readonly serverVersion: string;
  /** Of one request, in milliseconds, to a tenth. */
  readonly roundTripMs: number;
  /** Is the namespace registered there? */
  readonly namespaceExists: boolean;
  /** Search attributes that are not registered; undefined: the server doesn't say. */
  readonly missingSearchAttributes: readonly string[] | undefined;
}

const KEYWORD = 2;
const INT = 3;
const WANTED = { [STATE_ATTRIBUTE]: KEYWORD, [DISCREPANCIES_ATTRIBUTE]: INT } as const;
const NOT_FOUND = 5;

/**
 * Asks a server what it has for Holdfast. Changes nothing; safe to repeat. @throws what the server says: gRPC's errors
 */
export async function checkServer(connection: Connection, namespace: string): Promise<ServerCheck> {
  const startedMs = performance.now();
  const { serverVersion } = await connection.workflowService.getSystemInfo({});
  const roundTripMs = Math.round((performance.now() - startedMs) * 10) / 10;
  const namespaceExists = await connection.workflowService.describeNamespace({ namespace }).then(
    () => true,
    (error: unknown) => {
      if (isGrpcServiceError(error) && error.code === NOT_FOUND) return false;
      throw error;
    },
  );
  return {
    serverVersion,
    roundTripMs,
    namespaceExists,
    missingSearchAttributes: namespaceExists ? await missingSearchAttributes(connection, namespace) : [],
  };
}

/** Registers what is missing. Safe to repeat. @throws what the server says when it isn't allowed */
export async function registerSearchAttributes(connection: Connection, namespace: string): Promise<readonly string[]> {
  const missing = (await missingSearchAttributes(connection, namespace)) ?? [];
  if (missing.length > 0)
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(Object.entries(WANTED).filter(([name]) => missing.includes(name))),
    });
  return missing;
}

async function missingSearchAttributes(
  connection: Connection,
  namespace: string,
): Promise<readonly string[] | undefined> {
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    return Object.keys(WANTED).filter((name) => customAttributes[name] === undefined);
  } catch (error) {
    // Some hosted servers have no operator service.
    if (isGrpcServiceError(error)) return undefined;
    throw error;
  }
}
