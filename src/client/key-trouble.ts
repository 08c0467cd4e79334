/**
 * A worker that lacks a job's key answers nothing; what it failed with stands in the history, readable for everybody.
 */
import type { Connection } from '@temporalio/client';
import { HoldfastError } from '../model/failure.ts';

const KEY_FAILURES = ['missing-key', 'wrong-key'] as const;
/** The failed Workflow Task, and what has come since without another one. */
const LATEST_EVENTS = 20;

/**
 * Why the job's last Workflow Task failed, if a key was the reason. `no-worker`, for no worker can go on with the job,
 * and it may pass: whoever waits for the job waits on.
 */
export async function keyTroubleOf(
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
    const type = KEY_FAILURES.find((name) => name === failed?.failure?.applicationFailureInfo?.type);
    if (failed == null || type === undefined) continue;
    const why = (failed.failure?.message ?? '').trim().replace(/\.$/, '');
    const message = `The worker of job ${workflowId} could not go on: ${why}.`;
    return new HoldfastError('no-worker', message, {
      workflowId,
      worker: failed.identity ?? '',
      reason: type,
      nextStep:
        'Start the worker with the key. The job goes on by itself; Temporal tries it again within seconds, ' +
        'after many attempts within ten minutes.',
    });
  }
  return undefined;
}
