/** A real worker process that knows the saga, and ends itself by SIGKILL at the first hit of each of some points, one a process. Its one argument is a JSON order. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { createWorker } from '../../src/worker.ts';
import { sagaSteps } from './saga.ts';

export interface SagaWorkerOrder {
  readonly address: string;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly root: string;
  readonly bundlePath: string;
  readonly url: string;
  readonly killAt: readonly string[];
  /** Points that are over, one a line. */
  readonly killedPath: string;
}

const order = JSON.parse(process.argv[2]!) as SagaWorkerOrder;
const over = new Set(existsSync(order.killedPath) ? readFileSync(order.killedPath, 'utf8').split('\n') : []);
setFaultHook((point) => {
  if (!order.killAt.includes(point) || over.has(point)) return;
  appendFileSync(order.killedPath, `${point}\n`);
  process.kill(process.pid, 'SIGKILL');
});
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
