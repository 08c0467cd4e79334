/**
 * `holdfast/testing`: run steps, or a plan, against a temporary workspace without a server, in your own unit tests. It
 * is the protocol itself (ledger, claims, two-phase apply, verification, questions), driven in this process.
 */
import type { CrashTestOptions } from './crash-test/options.ts';
import type { CrashReport } from './crash-test/report.ts';
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
export {
  defineCrashTest,
  type CrashAnswer,
  type CrashPlace,
  type CrashProgress,
  type CrashTestOptions,
  type CrashTestSetUp,
  type CrashWorld,
  type RecordedAnswer,
} from './crash-test/options.ts';
export type { CaseOutcome, CaseReport, CrashFault, CrashReport } from './crash-test/report.ts';
export type { Difference } from './crash-test/difference.ts';

/**
 * Tests a job of yours: kills its worker at every point that the job passes, lets another go on, and compares what the
 * job left with what it leaves undisturbed. Needs no server: one is started. Each case starts two
 * workers.
 * @throws HoldfastError `bad-plan`, `bad-input` (also: what the job needs that can't be repeated, and how to stub it),
 *   `busy` (its workspace is in use), `server-unreachable`; the signal's reason, where that ends it before any case
 */
export async function crashTest(options: CrashTestOptions): Promise<CrashReport> {
  // Loaded late: a test of steps needs neither a server nor the SDK.
  return await (await import('./crash-test/crash-test.ts')).crashTest(options);
}
