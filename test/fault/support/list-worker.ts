/** A real worker process that knows the steps of the lists, and may kill itself. It says `ready` when it polls. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { setFaultHook } from '../../../src/store/fault-point.ts';
import { createWorker } from '../../../src/worker.ts';
import { listSteps, type ForEachOrder } from '../../support/for-each-child.ts';
import { killingHook } from '../../support/killing.ts';

export interface ListWorkerOrder extends ForEachOrder {
  readonly address: string;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly bundlePath: string;
}

const order = JSON.parse(process.argv[2]!) as ListWorkerOrder;
setFaultHook(killingHook(order));
const worker = await createWorker({
  address: order.address,
  namespace: order.namespace,
  taskQueue: order.taskQueue,
  workspaceRoot: dirname(order.workspace),
  steps: listSteps(order) as never,
  workflowBundle: JSON.parse(readFileSync(order.bundlePath, 'utf8')) as WorkflowBundleWithSourceMap,
  env: { HOLDFAST_STATE_DIR: join(order.outside, 'state'), DATABASE_URL: order.databaseUrl, PATH: process.env['PATH'] },
});
process.stdout.write('ready\n');
await worker.run();
