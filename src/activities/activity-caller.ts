/**
 * What surrounds every Activity: heartbeats by themselves, the caller for the protocol, failures as Temporal's.
 *
 * Invariants
 * 1. A failure crosses into Temporal with its type; what may pass is retryable, what won't is not.
 * 2. Nothing crosses into Temporal, or into the worker's log, with a secret that a job has declared.
 */
import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { HoldfastError } from '../model/failure.ts';
import type { Caller } from '../protocol/host.ts';
import type { Secrets } from '../protocol/secrets/secrets.ts';

/** Well below the heartbeat timeout (10 s); the SDK throttles what is more than needed. */
const HEARTBEAT_EVERY_MS = 2_000;

/** Notes which attempts this worker has, so that a successor can fail them at once if it dies. */
export interface AttemptRegister {
  begin(attempt: {
    readonly taskToken: Uint8Array;
    readonly namespace: string;
    readonly workflowId: string;
    readonly runId: string;
  }): () => void;
}

export interface ActivitySurroundings {
  readonly register: AttemptRegister;
  readonly secrets: Secrets;
}

/** Runs `work` as the current Activity's attempt. @throws ApplicationFailure, CancelledFailure */
export async function asActivity<T>(
  { register, secrets }: ActivitySurroundings,
  work: (caller: Caller) => Promise<T>,
): Promise<T> {
  const context = Context.current();
  const { workflowExecution, workflowNamespace, taskToken } = context.info;
  const { workflowId, runId } = workflowExecution ?? { workflowId: '', runId: '' };
  let progress: { readonly message: string; readonly fraction?: number } | undefined;
  const beat = setInterval(() => context.heartbeat(progress), HEARTBEAT_EVERY_MS);
  const end = register.begin({ taskToken, namespace: workflowNamespace ?? 'default', workflowId, runId });
  try {
    const result = await work({
      workflowId,
      runId,
      signal: context.cancellationSignal,
      progress: (given, fraction) => {
        const message = secrets.redact(given);
        progress = fraction === undefined ? { message } : { message, fraction };
        context.heartbeat(progress);
      },
      log: (message, fields) => void context.log.info(secrets.redact(message), secrets.redactJson(fields)),
    });
    // A step's own output is in the record as it is: it was refused if it held one.
    return isDone(result) ? result : secrets.redactJson(result);
  } catch (error) {
    if (error instanceof CancelledFailure) throw secrets.redactError(error);
    if (context.cancellationSignal.aborted)
      throw new CancelledFailure(
        'The Activity was cancelled.',
        [],
        error instanceof Error ? secrets.redactError(error) : undefined,
      );
    throw asApplicationFailure(secrets.redactError(error));
  } finally {
    clearInterval(beat);
    end();
  }
}

function isDone(result: unknown): boolean {
  return typeof result === 'object' && result !== null && 'kind' in result && result.kind === 'done';
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
