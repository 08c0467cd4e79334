/** How a job ended, told from what its Workflow failed with. */
import type { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, TerminatedFailure, TimeoutFailure } from '@temporalio/common';
import { applicationFailure } from './failures.ts';
import type { JobResult } from './job-types.ts';

export type JobEnd = Pick<Extract<JobResult, { failure: unknown }>, 'outcome' | 'failure'>;

export function endOf({ cause }: WorkflowFailedError): JobEnd {
  const message = cause?.message ?? 'no reason was given';
  if (cause instanceof CancelledFailure) return { outcome: 'cancelled', failure: { type: 'cancelled', message } };
  if (cause instanceof TerminatedFailure) return { outcome: 'terminated', failure: { type: 'terminated', message } };
  if (cause instanceof TimeoutFailure) return { outcome: 'timed-out', failure: { type: 'timed-out', message } };
  if (!(cause instanceof ApplicationFailure)) return { outcome: 'failed', failure: { type: 'step-failed', message } };
  const { type } = applicationFailure(cause);
  return { outcome: type === 'aborted' ? 'aborted' : 'failed', failure: { type: cause.type ?? type, message } };
}
