/** A worker in the process of the test file, against the file's own server. */
import { join } from 'node:path';
import { after, afterEach, before } from 'node:test';
import { createWorker, type WorkerOptions } from '../../src/worker.ts';
import { testBundle } from './bundle.ts';
import type { TestTemporal } from './temporal.ts';

export interface RunningWorker {
  /** Shuts the worker down and waits for its end. */
  stop(): Promise<void>;
}

export interface RunningWorkerOptions extends Pick<WorkerOptions, 'env' | 'steps' | 'workflowBundle'> {
  readonly taskQueue: string;
  /** Holds the workspaces, and the worker's state. */
  readonly root: string;
  /** Path of a module with Workflows of one's own. Default: Holdfast's alone. */
  readonly workflows?: string;
}

/** Starts a worker. The test stops it, before the file ends: its server must outlive it. */
export async function startWorker(temporal: TestTemporal, options: RunningWorkerOptions): Promise<RunningWorker> {
  const { taskQueue, root, workflows, steps = [], env } = options;
  const worker = await createWorker({
    address: temporal.address,
    namespace: temporal.namespace,
    taskQueue,
    workspaceRoot: root,
    steps,
    workflowBundle: options.workflowBundle ?? (await testBundle(workflows)),
    env: { HOLDFAST_STATE_DIR: join(root, 'state'), ...env },
  });
  const running = worker.run();
  return {
    async stop() {
      worker.shutdown();
      await running;
    },
  };
}

/** A worker that polls while the tests of the file run. Call it after what its steps need is cleaned up by `after`. */
export function testWorker(temporal: TestTemporal, options: RunningWorkerOptions): void {
  let worker: RunningWorker;
  before(async () => {
    worker = await startWorker(temporal, options);
  });
  after(() => worker.stop());
}

/** As `startWorker`; each worker stops with its test at the latest: the file's server must outlive it. */
export function workersOfATest(temporal: TestTemporal): (options: RunningWorkerOptions) => Promise<RunningWorker> {
  const workers = new Set<RunningWorker>();
  afterEach(async () => {
    await Promise.all([...workers].map((worker) => worker.stop()));
  });
  return async (options) => {
    const worker = await startWorker(temporal, options);
    const started: RunningWorker = {
      stop: async () => {
        workers.delete(started);
        await worker.stop();
      },
    };
    workers.add(started);
    return started;
  };
}
