/**
 * Activities that have failed and are tried again by themselves, as the server knows them: the Workflow only learns of
 * an Activity's end, so that one which fails for ever (a defect, a disk that stays full) would be seen by nobody.
 */
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { FAILURES } from '../model/failure.ts';
import type { Retrying } from '../model/status.ts';

type Described = WorkflowExecutionDescription['raw'];
type Failure = NonNullable<NonNullable<Described['pendingActivities']>[number]['lastFailure']>;

const MAX_MESSAGE = 1_000;
/** PENDING_ACTIVITY_STATE_SCHEDULED: waits for its time, or for a worker. */
const SCHEDULED = 1;

/** Of the answer to `DescribeWorkflowExecution`; those that have failed most often first. */
export function retryingOf({ pendingActivities }: Pick<Described, 'pendingActivities'>): Retrying[] {
  return (pendingActivities ?? [])
    .flatMap((pending): Retrying[] => {
      const { activityId, activityType, attempt, lastFailure, scheduledTime, state } = pending;
      if (lastFailure == null || (attempt ?? 1) < 2) return [];
      const activity = activityType?.name ?? '';
      const type = typeOf(lastFailure);
      return [{
        activity,
        ...(activity === 'runStep' && activityId != null ? { stepId: activityId } : {}),
        attempt: attempt ?? 1,
        failure: { type, message: (lastFailure.message ?? '').slice(0, MAX_MESSAGE) },
        isExpected: lastFailure.applicationFailureInfo == null || Object.hasOwn(FAILURES, type),
        nextAttemptAt: state === SCHEDULED && scheduledTime != null ? new Date(Number(scheduledTime.seconds ?? 0) * 1000).toISOString() : null,
      }];
    })
    .toSorted((a, b) => b.attempt - a.attempt);
}

function typeOf(failure: Failure): string {
  if (failure.applicationFailureInfo != null) return failure.applicationFailureInfo.type ?? 'Error';
  return failure.timeoutFailureInfo != null ? 'timed-out' : 'failed';
}
