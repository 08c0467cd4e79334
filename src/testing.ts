/**
 * `holdfast/testing`: run steps, or a plan, against a temporary workspace without a server, in your own unit tests. It
 * is the protocol itself (ledger, claims, two-phase apply, verification, questions), driven in this process.
 */
import type { TestJobOptions } from './testing/options.ts';
import { TestJob } from './testing/test-job.ts';

/**
 * Opens a job without a server, in a temporary workspace unless one is given. Close it, or use `await using`.
 * @throws HoldfastError `bad-input` for an unknown option
 */
export function openTestJob(options: TestJobOptions = {}): TestJob {
  return new TestJob(options);
}

export {
  QuestionAsked,
  type TestJobMemory,
  type TestJobOptions,
  type TestRequest,
  type TestUndoOptions,
} from './testing/options.ts';
export { TestJob } from './testing/test-job.ts';
export { defineStep, implementStep } from './model/step/step.ts';
export type { RunStepRequest } from './model/job/run-step.ts';
