/** A real worker process for fault tests, which may kill itself. It says `ready` when it polls. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { setFaultHook } from '../../../src/store/fault-point.ts';
import { createWorker } from '../../../src/worker.ts';
import { killingHook, type Killing } from '../../support/killing.ts';
import { interfere, killJobSteps, type KillJobPlaces } from './kill-job.ts';

export interface WorkerOrder extends KillJobPlaces, Killing {
  readonly address: string;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly bundlePath: string;
}

const order = JSON.parse(process.argv[2]!) as WorkerOrder;
const kill = killingHook(order);
setFaultHook((point) => {
  if (point === 'commit.effect-marked') interfere(order);
  kill(point);
});

const worker = await createWorker({
  address: order.address,
  namespace: order.namespace,
  taskQueue: order.taskQueue,
  workspaceRoot: join(order.workspace, '..'),
  workflowBundle: JSON.parse(readFileSync(order.bundlePath, 'utf8')) as WorkflowBundleWithSourceMap,
  steps: killJobSteps(order),
  env: { HOLDFAST_STATE_DIR: join(order.outside, 'state'), DATABASE_URL: order.databaseUrl, PATH: process.env['PATH'] },
});
process.on('SIGTERM', () => worker.shutdown());
process.stdout.write('ready\n');
await worker.run();
