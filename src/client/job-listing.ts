/**
 * Jobs as Temporal's visibility knows them: what needs no worker.
 *
 * Invariant: Temporal's own status counts where it says that a job has ended; the search attribute, which the Workflow
 * sets, only tells more (a terminated Workflow can't say so any more).
 */
import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { defineSearchAttributeKey, type DataConverter, type Payload } from '@temporalio/common';
import * as z from 'zod';
import type { JobVersion, NamedVersion } from '../model/job/version.ts';
import { defined } from '../model/defined.ts';
import type { WorkerWait } from '../model/job/worker-wait.ts';

export const AGENT_JOB = 'agentJob';
/** The search attribute (Keyword) with a job's state, for queries of visibility. */
export const STATE_ATTRIBUTE = 'HoldfastState';
/** The search attribute (Int) with the number of findings that wait for a decision. */
export const DISCREPANCIES_ATTRIBUTE = 'HoldfastDiscrepancies';

/** What a listing can tell. `running` also where the search attribute is missing and the job may wait for a person. */
export const ListedStateSchema = z.enum([
  'running',
  'waiting',
  'completed',
  'failed',
  'aborted',
  'cancelled',
  'terminated',
  'timed-out',
]);
/** What a listing can tell of a job. */
export type ListedState = z.infer<typeof ListedStateSchema>;

/** What a listing is narrowed to. `no-worker`: open jobs whose work no worker takes, whatever else they wait for. */
export const ListFilterSchema = z.enum([...ListedStateSchema.options, 'no-worker']);
/** What a listing is narrowed to. */
export type ListFilter = z.infer<typeof ListFilterSchema>;

/** A job as Temporal's visibility lists it. */
export interface ListedJob {
  /** What every command and call names the job by. */
  readonly workflowId: string;
  /** The latest Run. */
  readonly runId: string;
  /** The Workflow's type: `agentJob`, or a user's own that calls `openJob`. */
  readonly type: string;
  /** See `ListedStateSchema`. */
  readonly state: ListedState;
  /** Findings that wait for a decision; undefined where the search attribute is not registered. */
  readonly discrepancies?: number;
  /** The Task Queue whose workers run it. */
  readonly taskQueue: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** ISO 8601. Absent: it has not ended. */
  readonly endedAt?: string;
  /** Where the job's workers run with Worker Versioning: the one that last ran it. */
  readonly version?: JobVersion;
  /**
   * `no-worker`: no worker runs its Workflow, or none has taken what it asked for. `since`: what waits longest has
   * waited, or the moment at which the job noticed it; absent: nothing waits, but nothing could go on either. Absent:
   * not so, or not looked at.
   */
  readonly waitsForWorker?: ListedWait & Partial<Pick<WorkerWait, 'since'>>;
  /** The Workflow around it, whose sub-plan it runs. Absent: it is nobody's. */
  readonly parent?: string;
  /** Jobs of its sub-plans that wait for a person, five at most. Absent: none does. */
  readonly askingWithin?: readonly string[];
}

/** Has it opened a job, as far as the server knows? False also where the search attribute is not registered. */
export function isJob({ searchAttributes }: Pick<WorkflowExecutionInfo, 'searchAttributes'>): boolean {
  return searchAttributes[STATE_ATTRIBUTE] !== undefined;
}

/** That a listed job waits for a worker, and for which. */
export interface ListedWait extends Pick<WorkerWait, 'kind'> {
  /** The version of a worker that would get its work; absent: of one without Worker Versioning, or not known. */
  readonly workerVersion?: NamedVersion;
  /** A version whose workers are there and get none of its work, as it is not current. */
  readonly idleVersion?: NamedVersion;
}

/** Which jobs `list` returns. */
export interface ListOptions {
  /** Only jobs in this state. Default: all. */
  readonly state?: ListFilter;
  /** Default 50. */
  readonly limit?: number;
}

/** What `list` returns. */
export interface JobListing {
  /** The newest first. */
  readonly jobs: readonly ListedJob[];
  /** Are there more than `limit`? */
  readonly isCut: boolean;
  /** False: the search attributes are not registered, so `waiting` can't be told from `running` here. */
  readonly knowsWaiting: boolean;
}

/** For the filter `no-worker`: so many open jobs are looked at. */
const MAX_LOOKED_AT = 10_000;

/** For what waits within jobs that run. */
const MAX_WAITING_SEEN = 1_000;
const MAX_ASKING_TOLD = 5;

const NOTHING: Payload = { metadata: { encoding: new TextEncoder().encode('binary/null') } };

/** For asking visibility. What is listed needs no memo, and one job whose key is gone must not hide the others. */
export const WITHOUT_MEMO: DataConverter = {
  payloadCodecs: [
    {
      encode: async (payloads) => await Promise.resolve(payloads),
      decode: async (payloads) => await Promise.resolve(payloads.map(() => NOTHING)),
    },
  ],
};

const STATE = defineSearchAttributeKey(STATE_ATTRIBUTE, 'KEYWORD');
const DISCREPANCIES = defineSearchAttributeKey(DISCREPANCIES_ATTRIBUTE, 'INT');
/** The server's own: `name:build-id`, where a name has no colon; and `Pinned` or `AutoUpgrade`. */
const VERSION = defineSearchAttributeKey('TemporalWorkerDeploymentVersion', 'KEYWORD');
const BEHAVIOR = defineSearchAttributeKey('TemporalWorkflowVersioningBehavior', 'KEYWORD');

const CONDITIONS: Readonly<Record<ListFilter, string>> = {
  'no-worker': `ExecutionStatus = 'Running'`,
  running: `ExecutionStatus = 'Running'`,
  waiting: `ExecutionStatus = 'Running' AND ${STATE_ATTRIBUTE} = 'waiting'`,
  completed: `ExecutionStatus = 'Completed'`,
  failed: `ExecutionStatus = 'Failed'`,
  aborted: `ExecutionStatus = 'Failed' AND ${STATE_ATTRIBUTE} = 'aborted'`,
  cancelled: `ExecutionStatus = 'Canceled'`,
  terminated: `ExecutionStatus = 'Terminated'`,
  'timed-out': `ExecutionStatus = 'TimedOut'`,
};

/** The newest jobs first. A run that was continued as new is not a job of its own. */
export async function listJobs(
  client: Client,
  knowsWaiting: boolean,
  { state, limit = 50 }: ListOptions,
  waits: Waits,
): Promise<JobListing> {
  // Without the attribute a user's own Workflow can't be told from any other Workflow.
  const isJob = knowsWaiting
    ? `(WorkflowType = '${AGENT_JOB}' OR ${STATE_ATTRIBUTE} IS NOT NULL)`
    : `WorkflowType = '${AGENT_JOB}'`;
  const asked = state === undefined ? [] : [knowsWaiting ? CONDITIONS[state] : CONDITIONS[state].split(' AND ')[0]!];
  const query = [isJob, `ExecutionStatus != 'ContinuedAsNew'`, ...asked].join(' AND ');
  const jobs: ListedJob[] = [];
  const end = async (isCut: boolean): Promise<JobListing> => ({
    jobs: await withAskingWithin(client, knowsWaiting, await waits.withSince(jobs)),
    isCut,
    knowsWaiting,
  });
  let seen = 0;
  for await (const info of client.workflow.list({ query, pageSize: Math.min(limit + 1, 1000) })) {
    const found = foundJob(info);
    // `running` and `failed` are what remains when the attribute says nothing closer.
    if (state !== undefined && state !== 'no-worker' && knowsWaiting && found.job.state !== state) continue;
    if (jobs.length === limit || (state === 'no-worker' && seen === MAX_LOOKED_AT)) return await end(true);
    seen += 1;
    const waitsForWorker = await waits.waitOf(found);
    if (state === 'no-worker' && waitsForWorker?.kind !== 'no-worker') continue;
    jobs.push({ ...found.job, ...defined({ waitsForWorker }) });
  }
  return await end(false);
}

/**
 * Adds which jobs of sub-plans ask a person: the job around them only runs. A sub-plan's job has the name of the job
 * around it before its own, at every depth.
 */
async function withAskingWithin(
  client: Client,
  knowsWaiting: boolean,
  jobs: readonly ListedJob[],
): Promise<readonly ListedJob[]> {
  if (!knowsWaiting || !jobs.some(({ state }) => state === 'running')) return jobs;
  const asking: string[] = [];
  let seen = 0;
  for await (const { workflowId, parentExecution } of client.workflow.list({ query: CONDITIONS.waiting })) {
    if (parentExecution !== undefined) asking.push(workflowId);
    if (++seen === MAX_WAITING_SEEN) break;
  }
  return jobs.map((job) => {
    const within = asking.filter((one) => one.startsWith(`${job.workflowId}.`)).slice(0, MAX_ASKING_TOLD);
    return within.length === 0 || hasEnded(job.state) ? job : { ...job, askingWithin: within };
  });
}

/** What tells which jobs have no worker. */
export interface Waits {
  waitOf(found: FoundJob): Promise<ListedWait | undefined>;
  withSince(jobs: readonly ListedJob[]): Promise<readonly ListedJob[]>;
}

export interface FoundJob {
  readonly job: ListedJob;
  /** Its Workflow has noticed that no worker takes what it asks for. */
  readonly saysNoWorker: boolean;
}

type Described = Pick<
  WorkflowExecutionInfo,
  'workflowId' | 'runId' | 'type' | 'status' | 'typedSearchAttributes' | 'taskQueue' | 'startTime'
> &
  Partial<Pick<WorkflowExecutionInfo, 'parentExecution'>> & { readonly closeTime?: Date | undefined };

function foundJob(info: Described): FoundJob {
  return { job: listedJob(info), saysNoWorker: info.typedSearchAttributes.get(STATE) === 'no-worker' };
}

export function listedJob(info: Described): ListedJob {
  const discrepancies = info.typedSearchAttributes.get(DISCREPANCIES);
  const version = versionOf(info);
  return {
    workflowId: info.workflowId,
    runId: info.runId,
    type: info.type,
    state: stateOf(info),
    ...(discrepancies === undefined ? {} : { discrepancies }),
    taskQueue: info.taskQueue,
    startedAt: info.startTime.toISOString(),
    ...(info.closeTime === undefined ? {} : { endedAt: info.closeTime.toISOString() }),
    ...(version === undefined ? {} : { version }),
    ...defined({ parent: info.parentExecution?.workflowId ?? undefined }),
  };
}

function versionOf({ typedSearchAttributes }: Pick<Described, 'typedSearchAttributes'>): JobVersion | undefined {
  const [version, behavior] = [typedSearchAttributes.get(VERSION), typedSearchAttributes.get(BEHAVIOR)];
  const colon = version?.indexOf(':') ?? -1;
  if (version === undefined || behavior === undefined || colon < 0) return undefined;
  return {
    deploymentName: version.slice(0, colon),
    buildId: version.slice(colon + 1),
    behavior: behavior === 'Pinned' ? 'pinned' : 'auto-upgrade',
  };
}

export function hasEnded(state: ListedState): boolean {
  return state !== 'running' && state !== 'waiting';
}

function stateOf(info: Pick<Described, 'status' | 'typedSearchAttributes'>): ListedState {
  const told = info.typedSearchAttributes.get(STATE);
  switch (info.status.name) {
    case 'COMPLETED':
      return 'completed';
    case 'FAILED':
      return told === 'aborted' ? 'aborted' : 'failed';
    case 'CANCELLED':
      return 'cancelled';
    case 'TERMINATED':
      return 'terminated';
    case 'TIMED_OUT':
      return 'timed-out';
    default:
      return told === 'waiting' ? 'waiting' : 'running';
  }
}
