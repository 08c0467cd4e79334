/**
 * One worker process: Holdfast's worker and a plain one for the bare Activities, on one connection and one bundle of
 * Workflows. Told by its first message what to serve; says `ready` when it is about to poll.
 */
import { readFileSync } from 'node:fs';
import { DefaultLogger, NativeConnection, Runtime, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { createWorker } from '../src/worker.ts';
import { makeBareActivities } from './bare-activity.ts';
import { bareTaskQueue } from './contracts.ts';
import { benchSteps } from './steps.ts';
import { POSTGRES_VARIABLE } from './workspace.ts';

export interface WorkerSettings {
  readonly address: string;
  readonly taskQueue: string;
  readonly workspaceRoot: string;
  readonly stateDirectory: string;
  /** JSON of the bundle. */
  readonly bundleFile: string;
  /** Besides where its state is. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Told to end, it finishes what it does; when its starter has ended, however that came, it ends at once. */
const starter = process.ppid;
const endIfOrphaned = (): void => {
  if (process.ppid !== starter) process.exit(1);
};
process.once('disconnect', () => {
  endIfOrphaned();
  setInterval(endIfOrphaned, 200).unref();
});

process.once('message', (settings: WorkerSettings) => {
  serve(settings).then(
    () => process.exit(0),
    (error: unknown) => {
      process.stderr.write(`${String((error as Error).stack ?? error)}\n`);
      process.exit(1);
    },
  );
});

async function serve({
  address,
  taskQueue,
  workspaceRoot,
  stateDirectory,
  bundleFile,
  env,
}: WorkerSettings): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('WARN') });
  const workflowBundle = JSON.parse(readFileSync(bundleFile, 'utf8')) as WorkflowBundleWithSourceMap;
  const connection = await NativeConnection.connect({ address });
  const guarded = await createWorker({
    address,
    connection,
    taskQueue,
    workspaceRoot,
    steps: benchSteps,
    workflowBundle,
    env: { ...env, HOLDFAST_STATE_DIR: stateDirectory },
  });
  const { close, ...activities } = makeBareActivities(workspaceRoot, env?.[POSTGRES_VARIABLE]);
  const bare = await Worker.create({ connection, taskQueue: bareTaskQueue(taskQueue), activities, workflowBundle });
  process.once('disconnect', () => {
    guarded.shutdown();
    bare.shutdown();
  });
  process.send?.({ ready: Date.now() });
  await Promise.all([guarded.run(), bare.run()]);
  await close();
  await connection.close();
}
