/**
 * Does a worker poll a Task Queue? Temporal remembers pollers for minutes after they have gone, and a living one polls
 * at least once a minute: so "none" is certain, and "seen lately" is only likely.
 */
import type { Connection } from '@temporalio/client';
import { HoldfastError } from '../model/failure.ts';
import { workerCommand } from '../model/worker-command.ts';

/** A long poll lasts a minute at most. */
const POLL_LIMIT_MS = 70_000;

export interface QueuePoller {
  readonly identity: string;
  readonly lastSeenAt: string;
}

export interface QueuePollers {
  readonly taskQueue: string;
  readonly workflow: readonly QueuePoller[];
  readonly activity: readonly QueuePoller[];
  /** False: certainly none. */
  readonly isPolled: boolean;
}

const WORKFLOW_QUEUE = 1;
const ACTIVITY_QUEUE = 2;

export async function pollersOf(connection: Connection, namespace: string, taskQueue: string): Promise<QueuePollers> {
  const [workflow, activity] = await Promise.all(
    [WORKFLOW_QUEUE, ACTIVITY_QUEUE].map((type) => pollersOfType(connection, namespace, taskQueue, type)),
  );
  return {
    taskQueue,
    workflow: workflow!,
    activity: activity!,
    isPolled: workflow!.length > 0 && activity!.length > 0,
  };
}

async function pollersOfType(
  connection: Connection,
  namespace: string,
  taskQueue: string,
  taskQueueType: number,
): Promise<readonly QueuePoller[]> {
  const { pollers } = await connection.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: taskQueue },
    taskQueueType,
  });
  return (pollers ?? [])
    .map(({ identity, lastAccessTime }) => ({
      identity: identity ?? '',
      lastSeenAt: new Date(Number(lastAccessTime?.seconds ?? 0) * 1000).toISOString(),
    }))
    .filter(({ lastSeenAt }) => Date.now() - Date.parse(lastSeenAt) < POLL_LIMIT_MS);
}

/** What a person is told when nobody answers for a job. */
export function noWorker(pollers: QueuePollers, workflowId: string, cause: unknown): HoldfastError {
  const identities = pollers.workflow.map(({ identity }) => identity);
  return new HoldfastError(
    'no-worker',
    `Job ${workflowId} cannot be asked: ${whyUnanswered(pollers)}.`,
    { workflowId, taskQueue: pollers.taskQueue, pollers: identities, nextStep: nextStep(pollers) },
    { cause },
  );
}

function nextStep({ taskQueue }: QueuePollers): string {
  return `Start a worker: \`${workerCommand(taskQueue)}\`. The job waits for it and loses nothing.`;
}

function whyUnanswered({ workflow: [seen], taskQueue }: QueuePollers): string {
  const queue = `Task Queue ${taskQueue}`;
  if (seen === undefined) return `no worker is running on ${queue}; start one: ${workerCommand(taskQueue)}`;
  const silentS = Math.max(0, Math.round((Date.now() - Date.parse(seen.lastSeenAt)) / 1000));
  return (
    `the worker on ${queue} did not answer in time; it last polled ${silentS} s ago (${seen.identity}). ` +
    `If it is gone, start one: ${workerCommand(taskQueue)}`
  );
}
