/**
 * What of a job waits for a worker, as the server knows it: a Workflow whose workers are all gone can't say so itself.
 *
 * A worker whose slots are all taken polls for no more steps, and the server forgets it as one that does after minutes;
 * it still polls for Workflows.
 */
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { NO_WORKER_NOTICED, type WorkerWait } from '../model/job/worker-wait.ts';
import { defined } from '../model/defined.ts';
import type { CallingServer } from './calling-server.ts';
import { listedJob } from './job-listing.ts';
import { serverNowMs } from './server-clock.ts';
import { fittingPollers, type QueueMemory, type QueuePoller } from './task-queue.ts';

type Described = WorkflowExecutionDescription['raw'];
type Pending = NonNullable<Described['pendingActivities']>[number];
type Timestamp = Pending['scheduledTime'];

/** A worker with a free slot takes what there is in milliseconds. */
const PATIENCE_MS = 2_000;
/** PENDING_ACTIVITY_STATE_SCHEDULED. */
const SCHEDULED = 1;
/** Of the history's end, where it is looked up who had the job last. */
const EVENTS_LOOKED_AT = 50;

interface Waiting extends Pick<WorkerWait, 'activity' | 'stepId' | 'lastWorker'> {
  readonly sinceMs: number;
  readonly taskQueue: string;
}

/**
 * What the job's Activities wait for. Asks the server nothing more while none waits.
 * @param told what the Workflow itself has noticed: since when, before it asked again
 */
export async function activityWait(
  server: CallingServer,
  described: WorkflowExecutionDescription,
  told: WorkerWait | undefined,
): Promise<WorkerWait | undefined> {
  const { raw, workflowId, taskQueue } = described;
  const { version } = listedJob(described);
  const scheduled = scheduledActivities(raw, taskQueue);
  const patienceMs = told === undefined ? PATIENCE_MS : 0;
  // Nothing waits, or only just. What is said otherwise goes by the server's clock, which gave the times.
  if (scheduled.every(({ sinceMs }) => Math.abs(Date.now() - sinceMs) < patienceMs)) return undefined;
  const nowMs = await server.call(workflowId, () => serverNowMs(server.connection, server.namespace));
  const waiting = oldestOf(scheduled.filter(({ sinceMs }) => sinceMs <= nowMs - patienceMs));
  if (waiting === undefined) return undefined;
  const { pollers, remembered } = await server.queue(waiting.taskQueue);
  const queue = { pollers: fittingPollers(pollers, version), remembered };
  const lastWorker = waiting.lastWorker ?? (await lastWorkerOf(server, workflowId));
  return {
    kind: kindOf(queue, lastWorker),
    ...asWait(waiting, remembered.activity),
    ...defined({ lastWorker }),
    ...(told !== undefined && defined({ since: told.since, activity: told.activity, stepId: told.stepId })),
  };
}

/** What a job waits for that nobody answers for. Undefined: nothing of it, only whoever asks. */
export async function unansweredWait(
  server: CallingServer,
  { raw, workflowId, taskQueue }: WorkflowExecutionDescription,
  { remembered }: QueueMemory,
): Promise<WorkerWait | undefined> {
  const isOver = ({ sinceMs }: Waiting): boolean => sinceMs <= Date.now() - PATIENCE_MS;
  const waiting = oldestOf([...waitingTask(raw, taskQueue), ...scheduledActivities(raw, taskQueue).filter(isOver)]);
  if (waiting === undefined) return undefined;
  const lastWorker = waiting.lastWorker ?? (await lastWorkerOf(server, workflowId));
  return {
    kind: 'no-worker',
    ...asWait(waiting, [...remembered.workflow, ...remembered.activity]),
    ...defined({ lastWorker }),
  };
}

/** Since when a job that has no worker waits; undefined: nothing of it does, it waits for a time or for a person. */
export function waitingSince({ raw, taskQueue }: WorkflowExecutionDescription): string | undefined {
  const isOver = ({ sinceMs }: Waiting): boolean => sinceMs <= Date.now();
  const waiting = oldestOf([...waitingTask(raw, taskQueue), ...scheduledActivities(raw, taskQueue).filter(isOver)]);
  return waiting && new Date(waiting.sinceMs).toISOString();
}

function asWait(
  { sinceMs, taskQueue, activity, stepId }: Waiting,
  remembered: readonly QueuePoller[],
): Omit<WorkerWait, 'kind'> {
  const lastPolledAt = remembered
    .map(({ lastSeenAt }) => lastSeenAt)
    .toSorted()
    .at(-1);
  return { taskQueue, since: new Date(sinceMs).toISOString(), ...defined({ activity, stepId, lastPolledAt }) };
}

/** A worker lives whose slots are all taken, if it polls for Workflows and is known to run steps. */
function kindOf({ pollers, remembered }: QueueMemory, lastWorker: string | undefined): WorkerWait['kind'] {
  if (pollers.activity.length > 0) return 'no-free-slot';
  const runsSteps = new Set([...remembered.activity.map(({ identity }) => identity), lastWorker]);
  return pollers.workflow.some(({ identity }) => runsSteps.has(identity)) ? 'no-free-slot' : 'no-worker';
}

/** What is tried again later is scheduled for then. */
function scheduledActivities({ pendingActivities }: Described, jobsQueue: string): readonly Waiting[] {
  return (pendingActivities ?? []).flatMap((pending) => {
    const { activityType, activityId, lastWorkerIdentity, activityOptions } = pending;
    // Other ids may look like dates as well: to Date.parse `verify-1` is one.
    const told = activityId?.startsWith(NO_WORKER_NOTICED) === true ? activityId.slice(NO_WORKER_NOTICED.length) : '';
    const toldMs = Date.parse(told);
    const sinceMs = Number.isNaN(toldMs) ? msOf(pending.scheduledTime) : toldMs;
    // An operator may have paused it.
    if (pending.state !== SCHEDULED || pending.paused === true) return [];
    const activity = activityType?.name ?? '';
    const lastWorker = lastWorkerIdentity == null || lastWorkerIdentity === '' ? undefined : lastWorkerIdentity;
    const stepId = activity === 'runStep' ? (activityId ?? undefined) : undefined;
    const taskQueue = activityOptions?.taskQueue?.name ?? jobsQueue;
    return [{ sinceMs, taskQueue, activity, ...defined({ stepId, lastWorker }) }];
  });
}

function waitingTask({ pendingWorkflowTask }: Described, taskQueue: string): readonly Waiting[] {
  if (pendingWorkflowTask == null) return [];
  const { originalScheduledTime, scheduledTime } = pendingWorkflowTask;
  return [{ sinceMs: msOf(originalScheduledTime ?? scheduledTime), taskQueue }];
}

function oldestOf(waiting: readonly Waiting[]): Waiting | undefined {
  return waiting.toSorted((a, b) => a.sinceMs - b.sinceMs)[0];
}

/** Who took an Activity last, if that is among the latest events. */
async function lastWorkerOf(server: CallingServer, workflowId: string): Promise<string | undefined> {
  const { history } = await server.call(workflowId, () =>
    server.connection.workflowService.getWorkflowExecutionHistoryReverse({
      namespace: server.namespace,
      execution: { workflowId },
      maximumPageSize: EVENTS_LOOKED_AT,
    }),
  );
  const started = history?.events?.find((event) => event.activityTaskStartedEventAttributes != null);
  return started?.activityTaskStartedEventAttributes?.identity ?? undefined;
}

function msOf(timestamp: Timestamp): number {
  return Number(timestamp?.seconds ?? 0) * 1000 + Math.floor((timestamp?.nanos ?? 0) / 1_000_000);
}
