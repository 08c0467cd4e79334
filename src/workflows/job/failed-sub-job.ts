/** How the job of a sub-plan failed: of a Child Workflow, and of one that the server is asked about. */
import {
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/common';
import type { SubPlanOutcome } from '../../model/job/sub-plan.ts';

/** Pure. */
export function failedSubJob(error: unknown): SubPlanOutcome {
  const cause = error instanceof ChildWorkflowFailure && error.cause instanceof Error ? error.cause : (error as Error);
  return { kind: 'failed', type: typeOf(cause), message: cause.message };
}

function typeOf(cause: Error): string {
  if (cause instanceof CancelledFailure) return 'cancelled';
  if (cause instanceof TerminatedFailure) return 'terminated';
  if (cause instanceof TimeoutFailure) return 'timed-out';
  return cause instanceof ApplicationFailure ? (cause.type ?? 'Error') : cause.name;
}
