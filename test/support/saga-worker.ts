/** A real worker process that knows the saga, and may kill itself. It says `ready` when it polls. */
import { readFileSync } from 'node:fs';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { createWorker } from '../../src/worker.ts';
import { killingHook, type Killing } from './killing.ts';
import { sagaSteps } from './saga.ts';

export interface SagaWorkerOrder extends Killing {
  readonly address: string;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly root: string;
  readonly bundlePath: string;
  readonly url: string;
}

const order = JSON.parse(process.argv[2]!) as SagaWorkerOrder;
setFaultHook(killingHook(order));
const worker = await createWorker({
  address: order.address,
  namespace: order.namespace,
  taskQueue: order.taskQueue,
  workspaceRoot: order.root,
  steps: sagaSteps(order),
  workflowBundle: JSON.parse(readFileSync(order.bundlePath, 'utf8')) as WorkflowBundleWithSourceMap,
  env: { HOLDFAST_STATE_DIR: `${order.root}/state` },
});
process.stdout.write('ready\n');
await worker.run();
