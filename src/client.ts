/**
 * The package entry `holdfast/client`: start jobs, watch them, read their questions, decide. Whatever the command line
 * can show or do is here as data.
 */
import { CONNECTION_CHOICE, openConnection, type ClientExtras, type ConnectionChoice } from './client/connection.ts';
import { HoldfastClient } from './client/jobs.ts';
import { defined } from './model/defined.ts';
import { refuseUnknownOptions, type OptionNames } from './model/options.ts';

/** How `connectHoldfast` finds the server, and what the client does by default. */
export interface ConnectOptions extends ConnectionChoice, ClientExtras {
  /** Where new jobs go. Default `holdfast`. */
  readonly taskQueue?: string;
  /** How long a Query may take until it counts as unanswered. Default 15,000. */
  readonly queryTimeoutMs?: number;
}

const CONNECT_OPTIONS: OptionNames<ConnectOptions> = {
  ...CONNECTION_CHOICE,
  taskQueue: true,
  queryTimeoutMs: true,
  plugins: true,
  interceptors: true,
};

const INTERCEPTORS: OptionNames<NonNullable<ConnectOptions['interceptors']>> = {
  workflow: true,
  schedule: true,
  nexus: true,
  activity: true,
};

/**
 * Connects to Temporal as its own tools do (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_*,
 * profiles of temporal.toml). Close the client, or use `await using`.
 * @throws HoldfastError `server-unreachable`, `permission-denied`, `bad-input` (options, keys, a profile)
 */
export async function connectHoldfast(options: ConnectOptions = {}): Promise<HoldfastClient> {
  refuseUnknownOptions('connectHoldfast', options, CONNECT_OPTIONS);
  const { interceptors } = options;
  if (interceptors !== undefined) refuseUnknownOptions('interceptors of connectHoldfast', interceptors, INTERCEPTORS);
  const { client, connection, address } = await openConnection(
    options,
    defined({ plugins: options.plugins, interceptors: options.interceptors }),
  );
  return new HoldfastClient({
    client,
    connection,
    address,
    ...defined({ taskQueue: options.taskQueue, queryTimeoutMs: options.queryTimeoutMs }),
  });
}

export {
  addressOf,
  DEFAULT_ADDRESS,
  DEFAULT_NAMESPACE,
  type ConnectionChoice,
  type OpenConnection,
} from './client/connection.ts';
export { DEFAULT_TASK_QUEUE } from './model/worker-command.ts';
export type { WakeOptions, WakeOutcome, Woken } from './client/wake.ts';
export { HoldfastClient } from './client/jobs.ts';
export type {
  Cancelled,
  Decided,
  DecideOptions,
  DecisionInput,
  HoldfastClientOptions,
  JobFailureInfo,
  JobResult,
  ResumedJob,
  ResumeOptions,
  StartedJob,
  StartOptions,
  WaitOptions,
  WatchOptions,
} from './client/job-types.ts';
export {
  DISCREPANCIES_ATTRIBUTE,
  ListedStateSchema,
  ListFilterSchema,
  STATE_ATTRIBUTE,
  type JobListing,
  type ListedJob,
  type ListedWait,
  type ListedState,
  type ListFilter,
  type ListOptions,
} from './client/job-listing.ts';
export type { StartedFork, StartForkOptions } from './client/fork-job.ts';
export type { Fork } from './model/job/fork.ts';
export type { AskedState } from './client/job-checkpoints.ts';
export type { ToldCheckpoint, ToldCheckpoints, ToldState } from './model/job/checkpoint-answers.ts';
export { previewDecision, undoesOf, type DecisionPreview, type FindingPreview } from './client/preview.ts';
export { checkServer, registerSearchAttributes, type ServerCheck } from './client/server-check.ts';
export type { QueuePoller, QueuePollers } from './client/task-queue.ts';
export { FAILURES, type FailureType } from './model/failures.ts';
export { HoldfastError, isFailure } from './model/failure.ts';
export type { Abort, Decision } from './model/question/decision.ts';
export type { Rewind } from './model/job/rewind.ts';
export type { Edit, EditPreview } from './model/job/edit.ts';
export type { EditAnswer, RewindAnswer } from './workflows/messages.ts';
export type { UndoPreview } from './model/job/undo-preview.ts';
export type { Finding } from './model/question/finding.ts';
export type { Question } from './model/question/question.ts';
export type { JobVersion, NamedVersion } from './model/job/version.ts';
export type { WorkerWait } from './model/job/worker-wait.ts';
export type {
  ActivityProgress,
  ItemsStatus,
  JobState,
  JobStatus,
  Retrying,
  StepState,
  StepStatus,
  SubPlanStatus,
} from './model/job/status.ts';
