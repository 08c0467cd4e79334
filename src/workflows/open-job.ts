/**
 * `openJob`: the guarded job inside a Workflow. A user's own Workflow calls it and gets `job.step(contract, input)`;
 * `agentJob` is built on the same core.
 */
import { workflowInfo } from '@temporalio/workflow';
import type { StateKeys, StateReducers, StateUpdate, StateValues } from '../model/state/typed-state.ts';
import type { Job, OpenJobOptions } from './guarded-job.ts';
import { JobCore } from './job/core.ts';
import { asFailure } from './job/failure.ts';
import { refuseBadJobOptions } from './job/options.ts';
import { OwnJob } from './job/own-job.ts';
import { UserState } from './job/user-state.ts';
import { traceJob } from './trace.ts';

/**
 * Opens a guarded job for this Workflow and runs `body` in it, then gives the workspace back. Once per Workflow
 * Execution. `body` may run again from its beginning, in a new Run: steps that are done answer from the record.
 * @throws what the body throws; ApplicationFailure `aborted`, `bad-input` (options that cannot be used); ContinueAsNew
 */
export async function openJob<
  T,
  S extends StateKeys<R> = Record<never, never>,
  R extends StateReducers = Record<never, never>,
>(options: OpenJobOptions<S, R>, body: (job: Job<StateValues<S, R>, StateUpdate<S, R>>) => Promise<T>): Promise<T> {
  let state: UserState;
  try {
    refuseBadJobOptions(options);
    state = new UserState(options, options.name ?? workflowInfo().workflowType);
  } catch (error) {
    // Once and for all: another error would fail the Workflow Task for ever.
    throw asFailure(error);
  }
  traceJob(workflowInfo().workflowType);
  const core = new JobCore(options, undefined, state);
  const job = new OwnJob(core, state) as unknown as Job<StateValues<S, R>, StateUpdate<S, R>>;
  if (options.checkpointEvery === undefined) return await core.run(() => body(job));
  return await core.run(async () => {
    const result = await body(job);
    core.ownCheckpoints?.end();
    return result;
  });
}
