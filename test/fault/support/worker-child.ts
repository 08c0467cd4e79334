/**
 * A real worker process for fault tests. Its one argument is a JSON order; it says `ready` when it polls, and ends itself
 * by SIGKILL where it is told.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { setFaultHook, type FaultPoint } from '../../../src/store/fault-point.ts';
import { createWorker } from '../../../src/worker.ts';
import { interfere, killJobSteps, type KillJobPlaces } from './kill-job.ts';

export interface WorkerOrder extends KillJobPlaces {
  readonly address: string;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly bundlePath: string;
  /** End at the first hit of each of these points, one worker each. */
  readonly killAt?: readonly FaultPoint[];
}

const order = JSON.parse(process.argv[2]!) as WorkerOrder;
const killedPath = join(order.outside, 'killed');
const killedBefore = new Set(existsSync(killedPath) ? readFileSync(killedPath, 'utf8').split('\n') : []);

setFaultHook((point) => {
  if (point === 'commit.effect-marked') interfere(order);
  if (order.killAt?.includes(point) !== true || killedBefore.has(point)) return;
  appendFileSync(killedPath, `${point}\n`);
  process.kill(process.pid, 'SIGKILL');
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
