/** How a job ended, told from what its Workflow failed with. */
import type { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, TerminatedFailure, TimeoutFailure } from '@temporalio/common';
import { applicationFailure } from './failures.ts';
import type { JobResult } from './job-types.ts';

export type JobEnd = Pick<Extract<JobResult, { failure: unknown }>, 'outcome' | 'failure'>;

export function endOf(error: WorkflowFailedError): JobEnd {
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
