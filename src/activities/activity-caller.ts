/**
 * What surrounds every Activity: heartbeats by themselves, the caller for the protocol, failures as Temporal's.
 *
 * Invariant: a failure crosses into Temporal with its type; what may pass is retryable, what won't is not.
 */
import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { HoldfastError } from '../model/failure.ts';
import type { Caller } from './protocol/host.ts';

/** Well below the heartbeat timeout (10 s); the SDK throttles what is more than needed. */
const HEARTBEAT_EVERY_MS = 2_000;

/** Notes which attempts this worker has, so that a successor can fail them at once if it dies. */
export interface AttemptRegister {
  begin(attempt: { readonly taskToken: Uint8Array; readonly namespace: string; readonly workflowId: string; readonly runId: string }): () => void;
}

/** Runs `work` as the current Activity's attempt. @throws ApplicationFailure, CancelledFailure */
export async function asActivity<T>(register: AttemptRegister, work: (caller: Caller) => Promise<T>): Promise<T> {
  const context = Context.current();
  const { workflowExecution, workflowNamespace, taskToken } = context.info;
  const { workflowId, runId } = workflowExecution ?? { workflowId: '', runId: '' };
  let progress: { readonly message: string; readonly fraction?: number } | undefined;
  const beat = setInterval(() => context.heartbeat(progress), HEARTBEAT_EVERY_MS);
  const end = register.begin({ taskToken, namespace: workflowNamespace ?? 'default', workflowId, runId });
  try {
    return await work({
      workflowId,
      runId,
      signal: context.cancellationSignal,
      progress: (message, fraction) => {
        progress = fraction === undefined ? { message } : { message, fraction };
        context.heartbeat(progress);
      },
      log: (message, fields) => void context.log.info(message, fields),
    });
  } catch (error) {
    if (error instanceof CancelledFailure) throw error;
    if (context.cancellationSignal.aborted) throw new CancelledFailure('The Activity was cancelled.', [], error instanceof Error ? error : undefined);
    throw asApplicationFailure(error);
  } finally {
    clearInterval(beat);
    end();
  }
}

/** A fenced attempt is asked again: the answer says what counts now. */
const ASKED_AGAIN = new Set(['fenced']);

function asApplicationFailure(error: unknown): unknown {
  if (!(error instanceof HoldfastError)) return error;
  return ApplicationFailure.create({
    message: `${error.message} ${error.nextStep}`,
    type: error.type,
    nonRetryable: !error.retryable && !ASKED_AGAIN.has(error.type),
    details: [{ ...error.details }],
    ...(error.retryAfterMs === undefined ? {} : { nextRetryDelay: error.retryAfterMs }),
    ...(error.cause instanceof Error ? { cause: error.cause } : {}),
  });
}
