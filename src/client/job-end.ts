/** How a job ended, told from what its Workflow failed with. */
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, TerminatedFailure, TimeoutFailure } from '@temporalio/common';
import type { Json } from '../model/canonical-json.ts';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import type { JobStatus } from '../model/job/status.ts';
import { someOf } from '../model/list.ts';
import { applicationFailure } from './failures.ts';
import { hasEnded, type ListedJob } from './job-listing.ts';
import type { JobResult } from './job-types.ts';
import { isNoJobYet } from './no-job.ts';
import type { ServerCalls } from './server-calls.ts';
import { askingOf } from './sub-plan-states.ts';

export type JobEnd = Pick<Extract<JobResult, { failure: unknown }>, 'outcome' | 'failure'>;

interface HowAsked {
  /** Until it has ended. */
  readonly wait: boolean;
  /** What it, and the jobs of its sub-plans, ask now. */
  readonly status: () => Promise<Pick<JobStatus, 'questions' | 'subPlans'>>;
}

/** @throws HoldfastError `not-found`, `server-unreachable` */
export async function resultOf(
  server: ServerCalls,
  { workflowId, runId, state }: ListedJob,
  { wait, status }: HowAsked,
): Promise<JobResult> {
  if (!wait && !hasEnded(state)) {
    const asked = await status().catch((error: unknown) => {
      if (isNoJobYet(error) || (error instanceof HoldfastError && error.type === 'no-worker')) return undefined;
      throw error;
    });
    const subPlans = someOf(askingOf(asked?.subPlans));
    return { workflowId, runId, outcome: 'running', ...defined({ questions: asked?.questions, subPlans }) };
  }
  try {
    const result = (await server.handle(workflowId).result()) as Json;
    return { workflowId, runId, outcome: 'completed', result };
  } catch (error) {
    if (error instanceof WorkflowFailedError) return { workflowId, runId, ...endOf(error) };
    throw server.translated(error, workflowId);
  }
}

function endOf(error: WorkflowFailedError): JobEnd {
  const end = endWithoutCauses(error);
  const causes = causesOf(error.cause?.cause);
  return causes.length === 0 ? end : { ...end, failure: { ...end.failure, causes } };
}

const MAX_CAUSES = 10;

function causesOf(error: unknown): readonly { readonly type: string; readonly message: string }[] {
  const causes = [];
  for (let cause = error; cause instanceof Error && causes.length < MAX_CAUSES; cause = cause.cause) {
    const type = cause instanceof ApplicationFailure ? (cause.type ?? cause.name) : cause.name;
    causes.push({ type, message: cause.message });
  }
  return causes;
}

function endWithoutCauses({ cause }: WorkflowFailedError): JobEnd {
  const message = cause?.message ?? 'no reason was given';
  if (cause instanceof CancelledFailure) return { outcome: 'cancelled', failure: { type: 'cancelled', message } };
  if (cause instanceof TerminatedFailure) return { outcome: 'terminated', failure: { type: 'terminated', message } };
  if (cause instanceof TimeoutFailure) return { outcome: 'timed-out', failure: { type: 'timed-out', message } };
  if (!(cause instanceof ApplicationFailure)) return { outcome: 'failed', failure: { type: 'step-failed', message } };
  const { type } = applicationFailure(cause);
  return { outcome: type === 'aborted' ? 'aborted' : 'failed', failure: { type: cause.type ?? type, message } };
}
