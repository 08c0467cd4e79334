/**
 * Does a worker poll a Task Queue? Temporal remembers pollers for minutes after they have gone, and a living one polls
 * at least once a minute: so "none" is certain, and "seen lately" is only likely.
 */
import type { Connection } from '@temporalio/client';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import { isSameVersion, versionText, type JobVersion } from '../model/job/version.ts';
import { shellWord } from '../model/shell-word.ts';
import { startCommand, waitAdvice, waitText, type WaitingJob, type WorkerWait } from '../model/job/worker-wait.ts';

/** A long poll lasts a minute at most. */
const POLL_LIMIT_MS = 70_000;

/** One process that polls a Task Queue. */
export interface QueuePoller {
  /** As the Worker names itself: by default process id and host. */
  readonly identity: string;
  /** ISO 8601. */
  readonly lastSeenAt: string;
  /** Of a worker that runs with Worker Versioning. */
  readonly version?: { readonly deploymentName: string; readonly buildId: string };
}

/** Who has polled a Task Queue within the last 70 seconds. */
export interface QueuePollers {
  /** The Task Queue that was asked about. */
  readonly taskQueue: string;
  /** Who polls for Workflow Tasks. */
  readonly workflow: readonly QueuePoller[];
  /** Who polls for Activity Tasks. */
  readonly activity: readonly QueuePoller[];
  /** False: certainly none. */
  readonly isPolled: boolean;
}

const WORKFLOW_QUEUE = 1;
const ACTIVITY_QUEUE = 2;
/** WORKER_VERSIONING_MODE_VERSIONED */
const VERSIONED = 2;

/** Of a Task Queue, with those that the server remembers although they have not polled lately. */
export interface QueueMemory {
  readonly pollers: QueuePollers;
  readonly remembered: Pick<QueuePollers, 'workflow' | 'activity'>;
}

export async function pollersOf(connection: Connection, namespace: string, taskQueue: string): Promise<QueueMemory> {
  const [workflow, activity] = await Promise.all(
    [WORKFLOW_QUEUE, ACTIVITY_QUEUE].map((type) => rememberedOf(connection, namespace, taskQueue, type)),
  );
  const remembered = { workflow: workflow!, activity: activity! };
  const lately = { workflow: workflow!.filter(isLately), activity: activity!.filter(isLately) };
  const isPolled = lately.workflow.length > 0 && lately.activity.length > 0;
  return { pollers: { taskQueue, ...lately, isPolled }, remembered };
}

async function rememberedOf(
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
  return (pollers ?? []).map(({ identity, lastAccessTime, deploymentOptions }) => ({
    identity: identity ?? '',
    lastSeenAt: new Date(Number(lastAccessTime?.seconds ?? 0) * 1000).toISOString(),
    ...versionOf(deploymentOptions),
  }));
}

function isLately({ lastSeenAt }: QueuePoller): boolean {
  return Date.now() - Date.parse(lastSeenAt) < POLL_LIMIT_MS;
}

/** Those that a job can be run by: a pinned one by workers of its version alone. */
export function fittingPollers(pollers: QueuePollers, version: JobVersion | undefined): QueuePollers {
  if (version?.behavior !== 'pinned') return pollers;
  const fits = (poller: QueuePoller): boolean => poller.version !== undefined && isSameVersion(poller.version, version);
  const [workflow, activity] = [pollers.workflow.filter(fits), pollers.activity.filter(fits)];
  return { ...pollers, workflow, activity, isPolled: workflow.length > 0 && activity.length > 0 };
}

export interface UnaskedJob extends WaitingJob {
  /** What of it waits; undefined: nothing, only whoever asks. */
  readonly wait: WorkerWait | undefined;
}

/** What a person is told when nobody answers for a job. */
export function noWorker(all: QueuePollers, job: UnaskedJob, cause: unknown): HoldfastError {
  const { workflowId, version, workspace, wait } = job;
  const pollers = fittingPollers(all, version);
  const start = startCommand(pollers.taskQueue, version);
  const pinned = version?.behavior === 'pinned' ? `, which is pinned to version ${versionText(version)},` : '';
  const waits = wait === undefined ? '' : ` ${waitText(wait)}`;
  return new HoldfastError(
    'no-worker',
    `Job ${workflowId}${pinned} cannot be asked: ${whyUnanswered(pollers, start, job)}.${waits}`,
    {
      workflowId,
      taskQueue: pollers.taskQueue,
      pollers: pollers.workflow.map(({ identity }) => identity),
      ...defined({ workspace, waitsForWorker: wait }),
      nextStep: nextStep(start, job),
    },
    { cause },
  );
}

function nextStep(start: string, job: UnaskedJob): string {
  const { workflowId, version, wait } = job;
  const waits =
    wait === undefined
      ? `Start a worker: \`${start}\`. The job waits for it and loses nothing.`
      : waitAdvice(wait, job, (command) => `\`${command}\``)
          .map((line) => (line.endsWith('`') ? `${line}.` : line))
          .join(' ');
  if (version?.behavior !== 'pinned') return waits;
  const move = `temporal workflow update-options --workflow-id ${shellWord(workflowId)}`;
  return `${waits} Or move it to the current version: \`${move} --versioning-override-behavior auto_upgrade\`.`;
}

function whyUnanswered(
  { workflow: [seen], taskQueue }: QueuePollers,
  start: string,
  { version, wait }: UnaskedJob,
): string {
  const queue = `Task Queue ${taskQueue}`;
  const which = version?.behavior === 'pinned' ? ' of that version' : '';
  // What to do about a wait is the next step.
  const remedy = wait === undefined ? `; start one: ${start}` : '';
  if (seen === undefined) return `no worker${which} is running on ${queue}${remedy}`;
  const silentS = Math.max(0, Math.round((Date.now() - Date.parse(seen.lastSeenAt)) / 1000));
  return (
    `the worker${which} on ${queue} did not answer in time; it last polled ${silentS} s ago (${seen.identity}). ` +
    `If it is gone, start one: ${start}`
  );
}

interface Deployment {
  readonly deploymentName?: string | null;
  readonly buildId?: string | null;
  readonly workerVersioningMode?: unknown;
}

/** An unversioned worker may name a version, too. */
function versionOf(deployment: Deployment | null | undefined): Pick<QueuePoller, 'version'> {
  const { deploymentName, buildId, workerVersioningMode } = deployment ?? {};
  if (workerVersioningMode !== VERSIONED || deploymentName == null || buildId == null) return {};
  return { version: { deploymentName, buildId } };
}
