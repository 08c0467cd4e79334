/**
 * Activities that have failed and are tried again by themselves, as the server knows them: the Workflow only learns of
 * an Activity's end, so that one which fails for ever (a defect, a disk that stays full) would be seen by nobody.
 */
import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { LoadedDataConverter } from '@temporalio/common';
import { isFailureType } from '../model/failures.ts';
import type { Retrying } from '../model/job/status.ts';
import { decoded } from './stored-payload.ts';

type Described = WorkflowExecutionDescription['raw'];
type Pending = NonNullable<Described['pendingActivities']>[number];
type Failure = NonNullable<Pending['lastFailure']>;

const MAX_MESSAGE = 1_000;
/** PENDING_ACTIVITY_STATE_SCHEDULED: waits for its time, or for a worker. */
const SCHEDULED = 1;

/**
 * Of the answer to `DescribeWorkflowExecution`; those that have failed most often first. @throws HoldfastError
 * `missing-key`, `wrong-key`
 */
export async function retryingOf(
  { pendingActivities }: Pick<Described, 'pendingActivities'>,
  converter: LoadedDataConverter,
): Promise<Retrying[]> {
  const retrying = await Promise.all((pendingActivities ?? []).map((pending) => oneRetrying(pending, converter)));
  return retrying.flat().toSorted((a, b) => b.attempt - a.attempt);
}

async function oneRetrying(
  { activityId, activityType, attempt, lastFailure, scheduledTime, state }: Pending,
  converter: LoadedDataConverter,
): Promise<Retrying[]> {
  if (lastFailure == null || (attempt ?? 1) < 2) return [];
  const activity = activityType?.name ?? '';
  const type = typeOf(lastFailure);
  return [
    {
      activity,
      ...(activity === 'runStep' && activityId != null ? { stepId: activityId } : {}),
      attempt: attempt ?? 1,
      failure: { type, message: (await messageOf(lastFailure, converter)).slice(0, MAX_MESSAGE) },
      isExpected: lastFailure.applicationFailureInfo == null || isFailureType(type),
      nextAttemptAt:
        state === SCHEDULED && scheduledTime != null
          ? new Date(Number(scheduledTime.seconds ?? 0) * 1000).toISOString()
          : null,
    },
  ];
}

/** While encryption is on the message is a payload, and what stands in its place says nothing. */
async function messageOf({ message, encodedAttributes }: Failure, converter: LoadedDataConverter): Promise<string> {
  if (encodedAttributes == null) return message ?? '';
  const encoded = await decoded<{ readonly message?: unknown }>(encodedAttributes, converter);
  return typeof encoded.message === 'string' ? encoded.message : (message ?? '');
}

function typeOf(failure: Failure): string {
  if (failure.applicationFailureInfo != null) return failure.applicationFailureInfo.type ?? 'Error';
  return failure.timeoutFailureInfo != null ? 'timed-out' : 'failed';
}
