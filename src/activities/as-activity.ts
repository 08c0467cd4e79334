/**
 * What surrounds every Activity: heartbeats by themselves, the caller for the protocol, failures as Temporal's.
 *
 * Invariants
 * 1. A failure crosses into Temporal with its type; what may pass is retryable, what won't is not.
 * 2. Nothing crosses into Temporal, or into the worker's log, with a secret that a job has declared.
 */
import { Context } from '@temporalio/activity';
import { defined } from '../model/defined.ts';
import type { Caller } from '../protocol/host.ts';
import type { Secrets } from '../protocol/secrets/secrets.ts';
import { faultPointAsync } from '../store/fault-point.ts';
import { subjectOf } from '../tracing/told.ts';
import { asTemporalFailure } from './failure.ts';
import { beatEveryMs, Heartbeat } from './heartbeat.ts';

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
  readonly heartbeatIntervalMs: number;
}

/** Runs `work` as the current Activity's attempt at `request`. @throws ApplicationFailure, CancelledFailure */
export async function asActivity<T>(
  { register, secrets, heartbeatIntervalMs }: ActivitySurroundings,
  request: unknown,
  work: (caller: Caller) => Promise<T>,
): Promise<T> {
  const context = Context.current();
  const { workflowExecution, workflowNamespace, taskToken, attempt, retryPolicy, heartbeatTimeoutMs } = context.info;
  const { workflowId, runId } = workflowExecution ?? { workflowId: '', runId: '' };
  const subject = { workflowId, runId, ...subjectOf(request) };
  const end = register.begin({ taskToken, namespace: workflowNamespace ?? 'default', workflowId, runId });
  // Only now: its timer is stopped below, whatever happens.
  const everyMs = beatEveryMs(heartbeatIntervalMs, heartbeatTimeoutMs);
  const heartbeat = new Heartbeat(context, everyMs, defined({ timeoutMs: heartbeatTimeoutMs }));
  try {
    const result = await work({
      workflowId,
      runId,
      signal: context.cancellationSignal,
      isTriedAgain: attempt < (retryPolicy?.maximumAttempts ?? Infinity),
      isGivenUp: () => heartbeat.isGivenUp,
      progress: (message, fraction) => heartbeat.tell(secrets.redact(message), fraction),
      subStepDone: (count, latest) => heartbeat.noteSubStep(count, latest),
      // Behind the step's own fields, which can't speak for another job or step.
      log: (message, fields) =>
        void context.log.info(secrets.redact(message), { ...secrets.redactJson(fields), ...subject }),
    });
    await faultPointAsync('activity.answer');
    // A step's own output is in the record as it is: one that holds a secret was refused.
    return isStepDone(result) ? result : secrets.redactJson(result);
  } catch (error) {
    throw asTemporalFailure(error, secrets, context.cancellationSignal.aborted);
  } finally {
    heartbeat.stop();
    end();
  }
}

function isStepDone(result: unknown): boolean {
  return typeof result === 'object' && result !== null && 'kind' in result && result.kind === 'done';
}
