/** How an Activity's error crosses into Temporal: with its type, without secrets. */
import { isExpected, type FailureType } from '../model/failures.ts';
import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import type { Secrets } from '../protocol/secrets/secrets.ts';

/** A fenced attempt is requested again: the answer says what counts now. */
const REQUESTED_AGAIN: ReadonlySet<FailureType> = new Set(['fenced']);

/** `isCancelled`: was the Activity's cancellation requested? Then whatever failed is its end. */
export function asTemporalFailure(error: unknown, secrets: Secrets, isCancelled: boolean): unknown {
  if (error instanceof CancelledFailure) return secrets.redactError(error);
  if (isCancelled) {
    const cause = error instanceof Error ? secrets.redactError(error) : undefined;
    return new CancelledFailure('The Activity was cancelled.', [], cause);
  }
  return asApplicationFailure(secrets.redactError(error));
}

function asApplicationFailure(error: unknown): unknown {
  if (!(error instanceof HoldfastError)) return error;
  return ApplicationFailure.create({
    message: `${error.message} ${error.nextStep}`,
    type: error.type,
    nonRetryable: !error.retryable && !REQUESTED_AGAIN.has(error.type),
    details: [{ ...error.details }],
    ...defined({
      nextRetryDelay: error.retryAfterMs,
      category: isExpected(error.type) ? ApplicationFailureCategory.BENIGN : undefined,
      cause: error.cause instanceof Error ? error.cause : undefined,
    }),
  });
}
