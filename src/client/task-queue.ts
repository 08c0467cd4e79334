/**
 * Does a worker poll a Task Queue? Temporal remembers pollers for minutes after they have gone, and a living one polls
 * at least once a minute: so "none" is certain, and "seen lately" is only likely.
 */
import type { Connection } from '@temporalio/client';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import {
  isSameVersion,
  makeCurrent,
  versionName,
  versionText,
  type JobVersion,
  type NamedVersion,
} from '../model/job/version.ts';
import { shellWord } from '../model/shell-word.ts';
import { readRouting, type Routing } from './routing.ts';
import {
  noneText,
  startCommand,
  waitAdvice,
  waitText,
  type WaitingJob,
  type WorkerWait,
} from '../model/job/worker-wait.ts';
import { serverNowMs } from './server-clock.ts';

/** A long poll lasts a minute at most. */
const POLL_LIMIT_MS = 70_000;
/** So far ahead of this machine's clock the server's counts as the same. */
const CLOCKS_APART_MS = 2_000;

/** One process that polls a Task Queue. */
export interface QueuePoller {
  /** As the Worker names itself: by default process id and host. */
  readonly identity: string;
  /** ISO 8601. */
  readonly lastSeenAt: string;
  /** Of a worker that runs with Worker Versioning. */
  readonly version?: { readonly deploymentName: string; readonly buildId: string };
  /** It gets no jobs but those that are pinned to its version, which is neither current nor ramping. */
  readonly isIdle?: true;
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
  /** The version that gets the jobs that are pinned to none; undefined: workers without one, or it is not told. */
  readonly current?: NamedVersion;
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
  const remembered = { workflow: workflow!.pollers, activity: activity!.pollers };
  const all = [...remembered.workflow, ...remembered.activity];
  // By the own clock some are gone, or come from the future: then the server is asked what its clock shows.
  const isClear = all.every((poller) => isLately(poller, Date.now()) && msOf(poller) <= Date.now() + CLOCKS_APART_MS);
  const nowMs = isClear ? Date.now() : await serverNowMs(connection, namespace);
  const isNear = (poller: QueuePoller): boolean => isLately(poller, nowMs);
  const lately = { workflow: remembered.workflow.filter(isNear), activity: remembered.activity.filter(isNear) };
  const isPolled = lately.workflow.length > 0 && lately.activity.length > 0;
  const { current } = workflow!;
  return { pollers: { taskQueue, ...lately, isPolled, ...defined({ current }) }, remembered };
}

async function rememberedOf(
  connection: Connection,
  namespace: string,
  taskQueue: string,
  taskQueueType: number,
): Promise<{ readonly pollers: readonly QueuePoller[]; readonly current: NamedVersion | undefined }> {
  const { pollers, versioningInfo } = await connection.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: taskQueue },
    taskQueueType,
  });
  const routing = readRouting(versioningInfo);
  const named = (pollers ?? []).map(({ identity, lastAccessTime, deploymentOptions }) => {
    const version = versionOf(deploymentOptions);
    return {
      identity: identity ?? '',
      lastSeenAt: new Date(Number(lastAccessTime?.seconds ?? 0) * 1000).toISOString(),
      ...defined({ version, isIdle: isIdle(version, routing) }),
    };
  });
  return { pollers: named, current: routing?.current };
}

function isIdle(version: NamedVersion | undefined, routing: Routing | undefined): true | undefined {
  if (routing === undefined) return undefined;
  const { current, ramping } = routing;
  const getsJobs = isSame(version, current) || (ramping !== undefined && isSame(version, ramping));
  return getsJobs ? undefined : true;
}

/** Undefined: without Worker Versioning. */
function isSame(one: NamedVersion | undefined, other: NamedVersion | undefined): boolean {
  return one === undefined || other === undefined ? one === other : isSameVersion(one, other);
}

function isLately(poller: QueuePoller, nowMs: number): boolean {
  return nowMs - msOf(poller) < POLL_LIMIT_MS;
}

function msOf({ lastSeenAt }: QueuePoller): number {
  return Date.parse(lastSeenAt);
}

/** Those that a job can be run by: a pinned one by workers of its version, any other by those that jobs are sent to. */
export function fittingPollers(pollers: QueuePollers, version: JobVersion | undefined): QueuePollers {
  const pin = version?.behavior === 'pinned' ? version : undefined;
  const fits = (poller: QueuePoller): boolean =>
    pin === undefined ? poller.isIdle === undefined : isSame(poller.version, pin);
  const [workflow, activity] = [pollers.workflow.filter(fits), pollers.activity.filter(fits)];
  return { ...pollers, workflow, activity, isPolled: workflow.length > 0 && activity.length > 0 };
}

/** Of a worker that would get the job's work; undefined: of one without Worker Versioning, or not known. */
export function workerVersion(all: QueuePollers, version: JobVersion | undefined): NamedVersion | undefined {
  if (version?.behavior !== 'pinned') return all.current;
  const { deploymentName, buildId } = version;
  return { deploymentName, buildId };
}

/** The version of workers that poll and get none of the job's work, where those that would are not there. */
export function idleVersion(all: QueuePollers, version: JobVersion | undefined): NamedVersion | undefined {
  if (version?.behavior === 'pinned' || fittingPollers(all, version).workflow.length > 0) return undefined;
  const versions = all.workflow.flatMap((poller) => poller.version ?? []);
  return versions.toSorted((a, b) => a.buildId.localeCompare(b.buildId, 'en', { numeric: true })).at(-1);
}

export interface UnaskedJob extends WaitingJob {
  /** What of it waits; undefined: nothing, only whoever asks. */
  readonly wait: WorkerWait | undefined;
}

/** What a person is told when nobody answers for a job. */
export function noWorker(all: QueuePollers, job: UnaskedJob, cause: unknown): HoldfastError {
  const { workflowId, version, workspace, wait } = job;
  const pollers = fittingPollers(all, version);
  const named = workerVersion(all, version);
  const wanted = named && { ...named, behavior: 'pinned' as const };
  const start = startCommand(pollers.taskQueue, wanted);
  const idle = idleVersion(all, version);
  const why = idle === undefined ? whyUnanswered(pollers, start, job) : whyIdle(pollers, idle);
  const pinned = version?.behavior === 'pinned' ? `, which is pinned to version ${versionText(version)},` : '';
  const waits = wait === undefined ? '' : ` ${waitText(wait)}`;
  return new HoldfastError(
    'no-worker',
    `Job ${workflowId}${pinned} cannot be asked: ${why}.${waits}`,
    {
      workflowId,
      taskQueue: pollers.taskQueue,
      pollers: pollers.workflow.map(({ identity }) => identity),
      ...defined({ workspace, waitsForWorker: wait }),
      nextStep: idle === undefined ? nextStep(start, job, wanted) : toMakeCurrent(idle, pollers, start),
    },
    { cause },
  );
}

function whyIdle({ taskQueue, current }: QueuePollers, idle: NamedVersion): string {
  const other = current === undefined ? 'no version is current there' : `${versionName(current)} is the current one`;
  const why = `and gets no such work, as ${other}`;
  return `a worker of version ${versionName(idle)} is running on Task Queue ${taskQueue}, ${why}`;
}

function toMakeCurrent(idle: NamedVersion, { current }: QueuePollers, start: string): string {
  const which = current === undefined ? 'without a version' : `of version ${versionName(current)}`;
  return `Make its version current: \`${makeCurrent(idle)}\`. Or start a worker ${which}: \`${start}\`.`;
}

function nextStep(start: string, job: UnaskedJob, wanted: JobVersion | undefined): string {
  const { workflowId, version, wait } = job;
  const waits =
    wait === undefined
      ? `Start a worker: \`${start}\`. The job waits for it and loses nothing.`
      : waitAdvice(wait, { ...job, version: wanted }, (command) => `\`${command}\``)
          .map((line) => (line.endsWith('`') ? `${line}.` : line))
          .join(' ');
  if (version?.behavior !== 'pinned') return waits;
  const move = `temporal workflow update-options --workflow-id ${shellWord(workflowId)}`;
  return `${waits} Or move it to the current version: \`${move} --versioning-override-behavior auto_upgrade\`.`;
}

function whyUnanswered(
  { workflow: [seen], taskQueue, current }: QueuePollers,
  start: string,
  { version, wait }: UnaskedJob,
): string {
  const queue = `Task Queue ${taskQueue}`;
  const currents = current === undefined ? '' : ` of the current version ${versionName(current)}`;
  const which = version?.behavior === 'pinned' ? ' of that version' : currents;
  // What to do about a wait is the next step.
  const remedy = wait === undefined ? `; start one: ${start}` : '';
  if (seen === undefined) return `${noneText(taskQueue, false, which)}${remedy}`;
  // Longer ago it would not count, unless this machine's clock is off.
  const silentMs = Math.min(POLL_LIMIT_MS, Math.max(0, Date.now() - msOf(seen)));
  const silentS = Math.round(silentMs / 1000);
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
function versionOf(deployment: Deployment | null | undefined): NamedVersion | undefined {
  const { deploymentName, buildId, workerVersioningMode } = deployment ?? {};
  if (workerVersioningMode !== VERSIONED || deploymentName == null || buildId == null) return undefined;
  return { deploymentName, buildId };
}
