/** Waits until a server that was started answers and knows its search attributes. */
import { setTimeout as delay } from 'node:timers/promises';
import type { SupervisedProcess } from '../effects/processes/supervised.ts';
import { HoldfastError } from '../model/failure.ts';

const CONNECT_LIMIT_MS = 3_000;
const READY_LIMIT_MS = 30_000;
const PAUSE_MS = 100;

/** @throws HoldfastError `server-unreachable` with the server's last lines */
export async function waitUntilReady(
  address: string,
  server: SupervisedProcess,
  searchAttributes: readonly string[],
): Promise<void> {
  const deadlineMs = performance.now() + READY_LIMIT_MS;
  let last: unknown;
  while (performance.now() < deadlineMs && server.exitCode === undefined) {
    try {
      await queryOnce(address, searchAttributes);
      if (server.exitCode === undefined) return;
    } catch (error) {
      last = error;
      await delay(PAUSE_MS);
    }
  }
  throw notReady(address, server, last);
}

function notReady(address: string, server: SupervisedProcess, cause: unknown): HoldfastError {
  const printed = server.lastLines();
  const what =
    server.exitCode === undefined
      ? `did not answer on ${address} within ${READY_LIMIT_MS / 1000} s`
      : `ended with code ${server.exitCode}`;
  const lines = printed === '' ? '' : ` It printed:\n${printed}`;
  return new HoldfastError(
    'server-unreachable',
    `The Temporal server was started and ${what}.${lines}`,
    { address, portTaken: /address already in use|can't set default port/i.test(printed) },
    { cause },
  );
}

/** The client is loaded late: that takes half a second, and finding a server doesn't need it. */
async function queryOnce(address: string, searchAttributes: readonly string[]): Promise<void> {
  const { Connection } = await import('@temporalio/client');
  const connection = await Connection.connect({ address, connectTimeout: CONNECT_LIMIT_MS });
  try {
    await connection.healthService.check({ service: 'temporal.api.workflowservice.v1.WorkflowService' });
    const known = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
    const missing = searchAttributes.filter((name) => known.customAttributes[name] === undefined);
    if (missing.length > 0) throw new Error(`search attributes not there yet: ${missing.join(', ')}`);
  } finally {
    await connection.close();
  }
}
