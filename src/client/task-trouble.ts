/**
 * A worker that cannot go on with a job answers nothing: it lacks the job's key, or the Workflow's code fails. What it
 * failed with stands in the history, readable for everybody.
 */
import type { Connection } from '@temporalio/client';
import { HoldfastError } from '../model/failure.ts';

const KEY_FAILURES = ['missing-key', 'wrong-key'] as const;
/** The failed Workflow Task, and what has come since without another one. */
const LATEST_EVENTS = 20;
/** Of Temporal's `WorkflowTaskFailedCause`. Others say nothing of a worker: a reset is told as a failed Task, too. */
const CODE_FAILED = 14;
const NON_DETERMINISTIC = 24;
/** Temporal's word for it in the answer to a Query. */
const NON_DETERMINISM = /TMPRL1100/;

const AGAIN = 'Temporal tries it again within seconds, after many attempts within ten minutes.';

/**
 * Why the job's last Workflow Task failed, if its worker could not go on. `no-worker`, for no worker can go on with the
 * job, and it may pass: whoever waits for the job waits on. Undefined: it did not fail, or a later one has not.
 */
export async function taskTroubleOf(
  connection: Connection,
  namespace: string,
  workflowId: string,
): Promise<HoldfastError | undefined> {
  const { history } = await connection.workflowService.getWorkflowExecutionHistoryReverse({
    namespace,
    execution: { workflowId },
    maximumPageSize: LATEST_EVENTS,
  });
  for (const {
    workflowTaskCompletedEventAttributes: completed,
    workflowTaskFailedEventAttributes: failed,
  } of history?.events ?? []) {
    if (completed != null) return undefined;
    if (failed == null) continue;
    const type = failed.failure?.applicationFailureInfo?.type;
    const remedy = remedyFor(type, failed.cause);
    if (remedy === undefined) continue;
    return couldNotGoOn(workflowId, failed.failure?.message ?? '', { worker: failed.identity ?? '', ...remedy });
  }
  return undefined;
}

/** A worker has taken the Query, and could not come to where the job is: its code fails, or is another. */
export function couldNotAnswer(workflowId: string, error: Error): HoldfastError {
  const cause = NON_DETERMINISM.test(error.message) ? NON_DETERMINISTIC : CODE_FAILED;
  return couldNotGoOn(workflowId, error.message, remedyFor(undefined, cause)!);
}

function couldNotGoOn(workflowId: string, said: string, remedy: Remedy & { readonly worker?: string }): HoldfastError {
  const why = said.trim().replace(/\.$/, '');
  return new HoldfastError('no-worker', `The worker of job ${workflowId} could not go on: ${why}.`, {
    workflowId,
    ...remedy,
  });
}

interface Remedy {
  readonly reason: string;
  readonly nextStep: string;
}

function remedyFor(type: string | null | undefined, cause: number | null | undefined): Remedy | undefined {
  const reason = KEY_FAILURES.find((name) => name === type);
  if (reason !== undefined)
    return { reason, nextStep: `Start the worker with the key. The job goes on by itself; ${AGAIN}` };
  if (cause === NON_DETERMINISTIC)
    return {
      reason: 'other-workflow-code',
      nextStep:
        'Start a worker whose Workflow code fits what the job has done: the release that it began with, or one that ' +
        `tells old from new by \`patched()\`. The job goes on by itself; ${AGAIN}`,
    };
  if (cause !== CODE_FAILED) return undefined;
  return {
    reason: 'workflow-code-failed',
    nextStep:
      "The worker's log has the stack. Mend the Workflow's code and start a worker with it. The job goes on by " +
      `itself; ${AGAIN}`,
  };
}
