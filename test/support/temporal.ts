/**
 * A real Temporal server for tests: the run's own (HOLDFAST_TEST_TEMPORAL_ADDRESS), or one started for this file alone.
 *
 * Invariants
 * 1. Every test file has a namespace of its own, with Holdfast's search attributes: what one file lists, no other made.
 * 2. What was opened here is closed after the file; a server started here is stopped.
 */
import { randomBytes } from 'node:crypto';
import { after } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import protos from '@temporalio/proto';
import { NativeConnection } from '@temporalio/worker';
import { startDevServer } from '../../src/dev-server/start.ts';

const NAMESPACE_LIMIT_MS = 20_000;
const RETENTION_MS = 86_400_000;

export interface TestTemporal {
  readonly address: string;
  readonly namespace: string;
  /** For child processes: TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE. */
  readonly env: { readonly TEMPORAL_ADDRESS: string; readonly TEMPORAL_NAMESPACE: string };
  readonly connection: Connection;
  readonly client: Client;
  /** What `Worker.create` takes. One for the file, made when first asked for. */
  nativeConnection(): Promise<NativeConnection>;
  /** A name that no other test uses: for Task Queues and Workflow ids. */
  unique(prefix: string): string;
}

/** Call it once, at the top of a test file: `const temporal = await testTemporal()`. */
export async function testTemporal(): Promise<TestTemporal> {
  const shared = process.env['HOLDFAST_TEST_TEMPORAL_ADDRESS'];
  const server = shared === undefined || shared === '' ? await startDevServer({ ui: false }) : undefined;
  const address = server?.address ?? String(shared);
  const connection = await Connection.connect({ address });
  const namespace = `test-${randomBytes(6).toString('hex')}`;
  let native: Promise<NativeConnection> | undefined;
  after(async () => {
    // A server that was there before the tests gets back what it had; ours is thrown away.
    if (address === process.env['TEMPORAL_ADDRESS']) await connection.operatorService.deleteNamespace({ namespace });
    await (await native)?.close();
    await connection.close();
    await server?.stop();
  });
  await registerNamespace(connection, namespace);
  return {
    address,
    namespace,
    env: { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace },
    connection,
    client: new Client({ connection, namespace }),
    nativeConnection: () => (native ??= NativeConnection.connect({ address })),
    unique: (prefix) => `${prefix}-${randomBytes(6).toString('hex')}`,
  };
}

/** Makes a namespace and waits until every part of the server knows it. */
async function registerNamespace(connection: Connection, namespace: string): Promise<void> {
  const { INDEXED_VALUE_TYPE_INT, INDEXED_VALUE_TYPE_KEYWORD } = protos.temporal.api.enums.v1.IndexedValueType;
  const searchAttributes = { HoldfastState: INDEXED_VALUE_TYPE_KEYWORD, HoldfastDiscrepancies: INDEXED_VALUE_TYPE_INT };
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: msToTs(RETENTION_MS),
  });
  await untilItWorks(async () => connection.operatorService.addSearchAttributes({ namespace, searchAttributes }));
  await untilItWorks(async () =>
    connection.workflowService.listWorkflowExecutions({ namespace, query: "HoldfastState = 'none'" }),
  );
}

async function untilItWorks(attempt: () => Promise<unknown>): Promise<void> {
  const deadlineMs = Date.now() + NAMESPACE_LIMIT_MS;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (Date.now() > deadlineMs) throw error;
      await delay(50);
    }
  }
}
