/** A real worker process for fault tests, which may kill itself. It says `ready` when it polls. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NativeConnection, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { defined } from '../../../src/model/defined.ts';
import { HoldfastPlugin } from '../../../src/plugin.ts';
import { setFaultHook } from '../../../src/store/fault-point.ts';
import { createWorker, type WorkerOptions } from '../../../src/worker.ts';
import { killingHook, type Killing } from '../../support/killing.ts';
import { interfere, killJobSteps, type KillJobPlaces } from './kill-job.ts';

export interface WorkerOrder extends KillJobPlaces, Killing {
  readonly address: string;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly bundlePath: string;
  /** It runs no Workflows; another worker does. */
  readonly isForStepsAlone?: boolean;
  /** How many steps it takes at once. Default: as many as a worker does. */
  readonly slots?: number;
  /**
   * Paths that come to be one after the other. A point has the number of those that are there before its name, so that
   * it is another one in each part of the job. Default: a point is its name.
   */
  readonly parts?: readonly string[];
}

const order = JSON.parse(process.argv[2]!) as WorkerOrder;
const kill = killingHook(order);
setFaultHook((point) => {
  if (point === 'commit.effect-marked') interfere(order);
  kill(order.parts === undefined ? point : `${order.parts.filter((path) => existsSync(path)).length} ${point}`);
});

const common = {
  workspaceRoot: join(order.workspace, '..'),
  steps: killJobSteps(order),
  env: { HOLDFAST_STATE_DIR: join(order.outside, 'state'), DATABASE_URL: order.databaseUrl, PATH: process.env['PATH'] },
};

const worker = await (order.isForStepsAlone === true ? stepsAlone() : createWorker(whole()));
process.on('SIGTERM', () => worker.shutdown());
process.stdout.write('ready\n');
await worker.run();

function whole(): WorkerOptions {
  const { address, namespace, taskQueue, bundlePath } = order;
  const workflowBundle = JSON.parse(readFileSync(bundlePath, 'utf8')) as WorkflowBundleWithSourceMap;
  return { address, namespace, taskQueue, workflowBundle, ...common };
}

async function stepsAlone(): Promise<Worker> {
  const { address, namespace, taskQueue, slots } = order;
  return await Worker.create({
    connection: await NativeConnection.connect({ address }),
    namespace,
    taskQueue,
    ...defined({ maxConcurrentActivityTaskExecutions: slots }),
    plugins: [new HoldfastPlugin({ agentJob: false, ...common })],
  });
}
