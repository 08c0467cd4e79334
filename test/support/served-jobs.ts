/** What the jobs of one test file need on a real server: a Task Queue and a folder of their own, a worker, a client. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { WorkflowHandle, WorkflowOptions } from '@temporalio/client';
import { HoldfastClient } from '../../src/client.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { testWorker, type RunningWorkerOptions } from './running-worker.ts';
import type { TestTemporal } from './temporal.ts';

export interface ServedJobs {
  readonly taskQueue: string;
  /** Holds the workspaces. `stored` in it is the worker's env.CHECKPOINTS, unless that is given. */
  readonly root: string;
  readonly client: HoldfastClient;
  /** @param args of the job, besides its plan */
  readonly startPlan: (
    plan: object,
    args?: object,
    options?: Partial<Pick<WorkflowOptions, 'taskQueue' | 'workflowId'>>,
  ) => Promise<WorkflowHandle<typeof agentJob>>;
}

/** Call it once, at the top of a test file. The worker polls while the tests of the file run. */
export function servedJobs(
  temporal: TestTemporal,
  name: string,
  worker: Pick<RunningWorkerOptions, 'env' | 'steps' | 'workflows'> = {},
): ServedJobs {
  const taskQueue = temporal.unique('queue');
  const root = realpathSync(mkdtempSync(join(tmpdir(), `holdfast-${name}-`)));
  const env = { CHECKPOINTS: join(root, 'stored'), ...worker.env };
  testWorker(temporal, { ...worker, taskQueue, root, env });
  after(() => rmSync(root, { recursive: true, force: true }));
  const { client, connection, address } = temporal;
  return {
    taskQueue,
    root,
    client: new HoldfastClient({ client, connection, address, taskQueue }),
    startPlan: async (plan, args = {}, options = {}) =>
      await client.workflow.start(agentJob, {
        workflowId: temporal.unique('job'),
        taskQueue,
        args: [{ plan: plan as never, ...args }],
        ...options,
      }),
  };
}
