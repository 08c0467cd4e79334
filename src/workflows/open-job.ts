/**
 * `openJob`: the guarded job inside a Workflow. A user's own Workflow calls it and gets `job.step(contract, input)`;
 * `agentJob` is built on the same core.
 */
import { workflowInfo } from '@temporalio/workflow';
import type { Job, OpenJobOptions } from './guarded-job.ts';
import { JobCore } from './job/core.ts';
import { asFailure } from './job/failure.ts';
import { refuseBadJobOptions } from './job/options.ts';
import { traceJob } from './trace.ts';

/**
 * Opens a guarded job for this Workflow and runs `body` in it, then gives the workspace back. Once per Workflow
 * Execution. `body` may run again from its beginning, in a new Run: steps that are done answer from the record.
 * @throws what the body throws; ApplicationFailure `aborted`, `bad-input` (options that cannot be used); ContinueAsNew
 */
export async function openJob<T>(options: OpenJobOptions, body: (job: Job) => Promise<T>): Promise<T> {
  try {
    refuseBadJobOptions(options);
  } catch (error) {
    // Once and for all: another error would fail the Workflow Task for ever.
    throw asFailure(error);
  }
  traceJob(workflowInfo().workflowType);
  const core = new JobCore(options);
  return await core.run(() => body(core));
}
