/** That a job's Activity, or the job itself, waits for a worker: as data, and in words. */
import * as z from 'zod';
import { shellWord } from '../shell-word.ts';
import { versionFlags, type JobVersion } from './version.ts';
import { workerCommand } from '../worker-command.ts';

export const WorkerWaitSchema = z.strictObject({
  /** `no-free-slot`: workers poll, and have taken nothing for so long. */
  kind: z.enum(['no-worker', 'no-free-slot']),
  /** The one on which it waits. */
  taskQueue: z.string(),
  /** ISO 8601. */
  since: z.string(),
  /** What waits: `runStep`, `verifyWorld` … Absent: the Workflow itself. */
  activity: z.string().optional(),
  /** Absent: it is of no single step. */
  stepId: z.string().optional(),
  /** Identity of the worker that last had anything of the job. Absent: not known. */
  lastWorker: z.string().optional(),
  /** When any worker last asked the Task Queue for such work. Absent: not within the last minutes. */
  lastPolledAt: z.string().optional(),
});
/** That a job waits for a worker. */
export type WorkerWait = z.infer<typeof WorkerWaitSchema>;

/**
 * What the id of the Activity begins with by which a Workflow asks whether a worker is there; when it noticed that none
 * was follows. So whoever lists the job's pending Activities knows, while nobody asks the Workflow, which knows since
 * when.
 */
export const NO_WORKER_NOTICED = 'no worker, noticed ';

/** In place of a job's state. */
export const WAIT_STATES: Readonly<Record<WorkerWait['kind'], string>> = {
  'no-worker': 'waiting for a worker',
  'no-free-slot': 'waiting for a free slot',
};

/** What waits, by its Activity. A step's own is `step ID`. */
const REQUESTED: Readonly<Record<string, string>> = {
  verifyWorld: 'the comparison of the world',
  recall: 'the results of earlier Runs',
  repair: 'a decision that is to be carried out',
  askStuck: 'a question',
  beginUndo: 'the undoing',
  release: "the job's end",
};

export interface WaitingJob {
  readonly workflowId: string;
  /** Undefined: not known here. */
  readonly workspace?: string | undefined;
  readonly version?: JobVersion | undefined;
}

/** `No worker has this job's workspace since …: step draft waits on Task Queue holdfast.` */
export function waitText(wait: WorkerWait): string {
  const { kind, taskQueue, since, lastWorker, lastPolledAt } = wait;
  const what = requestedText(wait);
  if (kind === 'no-worker') {
    const last = lastWorker === undefined ? '' : ` The last worker that had it was ${lastWorker}.`;
    return `No worker has this job's workspace since ${since}: ${what} waits on Task Queue ${taskQueue}.${last}`;
  }
  const polled = lastPolledAt === undefined ? '' : ` (last at ${lastPolledAt})`;
  const text =
    `${what} waits for a free slot since ${since}: workers poll Task Queue ${taskQueue}${polled}, and none has taken ` +
    'it. All their slots are taken, a rate is limited, or the last of them has just ended.';
  return `${text[0]!.toUpperCase()}${text.slice(1)}`;
}

/**
 * That no worker is there, in the middle of a sentence.
 * @param hasWorkflows one polls for Workflows: it runs no steps, or all its slots are taken
 */
export function noneText(taskQueue: string, hasWorkflows = false, which = ''): string {
  return hasWorkflows
    ? `no worker takes steps of Task Queue ${taskQueue} just now`
    : `no worker${which} is running on Task Queue ${taskQueue}`;
}

/** To whoever asks of a job what takes a worker, while none is there. @param what is done later: `the job ends` */
export function laterText(what: string, none: string, wait: Pick<WorkerWait, 'taskQueue'>, job: WaitingJob): string {
  const [start] = waitAdvice({ kind: 'no-worker', since: '', ...wait }, job);
  return `${none[0]!.toUpperCase()}${none.slice(1)}; ${what} when one is there, and nothing is lost. ${start!}`;
}

/** Of a worker that can take the job's work. */
export function startCommand(taskQueue: string, version: JobVersion | undefined): string {
  const flags = version?.behavior === 'pinned' ? ` ${versionFlags(version)}` : '';
  return `${workerCommand(taskQueue)}${flags}`;
}

/** What to do, a sentence a line. @param code how a command is marked; default: not at all */
export function waitAdvice(
  { kind, taskQueue }: WorkerWait,
  { workflowId, workspace, version }: WaitingJob,
  code: (command: string) => string = (command) => command,
): readonly string[] {
  if (kind === 'no-free-slot')
    return ['Wait, start another worker on the same host, or give its workers more slots (maxConcurrentSteps).'];
  const isRelative = workspace === undefined || !workspace.startsWith('/');
  const folder = workspace === undefined ? 'its workspace' : `its workspace ${workspace}`;
  const root = isRelative ? ', with the workspace root that it had' : '';
  const start = `${startCommand(taskQueue, version)}${isRelative ? ' --workspace-root FOLDER' : ''}`;
  const terminate = `temporal workflow terminate --workflow-id ${shellWord(workflowId)}`;
  return [
    `Start one on the host of ${folder}${root}: ${code(start)}`,
    'The job then goes on by itself; nothing is lost, and nothing is done twice.',
    `Is that host gone for good? Put the workspace back from a backup, or end the job: ${code(terminate)} ` +
      '(what it did stays; to undo that takes a worker first).',
  ];
}

function requestedText({ activity, stepId }: WorkerWait): string {
  if (activity === undefined) return 'the Workflow';
  if (stepId !== undefined) return activity === 'undoStep' ? `the undoing of step ${stepId}` : `step ${stepId}`;
  return REQUESTED[activity] ?? 'the job';
}
