/**
 * What a job changed, from its record alone: the package entry `holdfast/changes`, which `holdfast diff` and
 * `holdfast export` show. It needs no server and no worker; the job may have ended. Run it on the host that has the
 * workspace (`HoldfastClient.workspaceOf` names the folder). Nothing in the workspace is written: all calls are safe to
 * repeat.
 */
import { exportGit, type GitExport } from './changes/git-export.ts';
import { assertSound, changesOf, type ChangesChoice, type JobChanges } from './changes/job-changes.ts';
import { jobStateAt, type JobState } from './changes/job-state.ts';
import { jobPatch as patchOfChanges, type JobPatch } from './changes/job-patch.ts';
import { contentsOf } from './changes/recorded-content.ts';
import { shownChanges, type ShownChange } from './changes/shown-change.ts';
import { makeForkFromStore, type StoredForkOptions } from './fork/from-store.ts';
import { makeFork } from './fork/make-fork.ts';
import type { ForkOptions } from './fork/options.ts';
import type { PreparedFork } from './fork/prepared.ts';
import { refuseUnknownOptions, type OptionNames } from './model/options.ts';
import type { CheckpointRecord } from './model/record/record.ts';
import { WorkspaceInspection } from './protocol/inspect/inspection.ts';

/** Which job of the workspace, and which part of what it changed. */
export interface JobChangesOptions extends ChangesChoice {
  /** By Workflow id or job id. Default: the job that has the workspace, else its latest. */
  readonly job?: string;
}

const OPTIONS: OptionNames<JobChangesOptions> = { job: true, from: true, to: true, steps: true };

/** What a job changed, with each difference in words. */
export interface ReadJobChanges extends JobChanges {
  /** Each change of a file, row or schema, with its difference as people read it; differences are cut to 32 KiB. */
  readonly shown: readonly ShownChange[];
}

/**
 * Everything that the job changed, called and stated. From the record alone: it changes nothing and needs no server.
 * @throws HoldfastError `not-found`: no workspace, job, step or record of this name; `ledger-damaged`; `bad-input`
 */
export async function jobChanges(workspace: string, options: JobChangesOptions = {}): Promise<ReadJobChanges> {
  refuseUnknownOptions('jobChanges', options, OPTIONS);
  await using inspection = await WorkspaceInspection.open(workspace, process.env);
  const changes = changesOf(inspection, inspection.job(options.job), options);
  return { ...changes, shown: await shownChanges(changes, contentsOf(inspection)) };
}

/** Which job of the workspace, and which of its checkpoints. */
export interface JobStateOptions {
  /** By Workflow id or job id. Default: the job that has the workspace, else its latest. */
  readonly job?: string;
  /** The number of a checkpoint. Default: the latest. */
  readonly at?: number;
}

/**
 * What the job was at a checkpoint: its state, what ran, what came next, what the world was to look like. From the
 * record alone: it changes nothing and needs no server.
 * @throws HoldfastError `not-found`: no workspace, job or checkpoint of this name; `ledger-damaged`; `bad-input`
 */
export async function jobState(workspace: string, options: JobStateOptions = {}): Promise<JobState> {
  refuseUnknownOptions('jobState', options, { job: true, at: true });
  await using inspection = await WorkspaceInspection.open(workspace, process.env);
  return jobStateAt(inspection, inspection.job(options.job), options.at);
}

/**
 * The checkpoints of a job, newest first, each with what ran, what came next and what was written to the state. From
 * the record alone: it changes nothing and needs no server.
 * @throws HoldfastError `not-found`: no workspace or job of this name; `ledger-damaged`
 */
export async function jobCheckpoints(
  workspace: string,
  options: Pick<JobStateOptions, 'job'> = {},
): Promise<readonly CheckpointRecord[]> {
  refuseUnknownOptions('jobCheckpoints', options, { job: true });
  await using inspection = await WorkspaceInspection.open(workspace, process.env);
  const job = inspection.job(options.job);
  assertSound(inspection, job);
  return inspection.checkpoints(job.jobId).toReversed();
}

/** The files as a patch that `git apply` takes. Changes nothing. @throws HoldfastError as `jobChanges` */
export async function jobPatch(workspace: string, options: JobChangesOptions = {}): Promise<JobPatch> {
  refuseUnknownOptions('jobPatch', options, OPTIONS);
  await using inspection = await WorkspaceInspection.open(workspace, process.env);
  return await patchOfChanges(changesOf(inspection, inspection.job(options.job), options), contentsOf(inspection));
}

/**
 * Makes a git repository in a folder that is empty or not there: the files as the job found them, then a commit a step.
 * Needs `git`. Not safe to repeat into the same folder, which is then not empty.
 * @throws HoldfastError `bad-input`: the folder is not empty, or there is no git; else as `jobChanges`
 */
export async function exportJobToGit(
  workspace: string,
  folder: string,
  options: Pick<JobChangesOptions, 'job'> = {},
): Promise<GitExport> {
  refuseUnknownOptions('exportJobToGit', options, { job: true });
  await using inspection = await WorkspaceInspection.open(workspace, process.env);
  return await exportGit(inspection, inspection.job(options.job), folder);
}

/**
 * Makes a fork: a folder with the files, rows and record of a job at one of its checkpoints, for a job of its own,
 * which `HoldfastClient.startFork` starts. The other job, its workspace and its databases stay as they are, also while
 * it runs. Safe to repeat: a whole fork that has not begun is found.
 * @throws HoldfastError `not-found`: no workspace, job or checkpoint of this name, or contents that are nowhere any
 *   more; `bad-input`: a folder that is not empty, a database that is there, what can't be taken back; `busy`,
 *   `ledger-damaged`
 */
export async function forkJob(workspace: string, options: ForkOptions): Promise<PreparedFork> {
  return await makeFork(workspace, options, process.env);
}

/**
 * The same from the job's store of checkpoints alone: neither its workspace nor its history nor its databases are
 * needed. A PostgreSQL database is made in an empty one, from a base. The store is read, never written. Safe to repeat:
 * a whole fork that has not begun is found.
 * @param from `STORE/JOB` or `STORE/JOB@SEQ`, where STORE is a folder or postgres://user:password@host/database
 * @throws HoldfastError as `forkJob`; `checkpoint-damaged`: the checkpoint, or the newest, can't be read
 */
export async function forkStoredJob(from: string, options: StoredForkOptions): Promise<PreparedFork> {
  return await makeForkFromStore(from, options, { base: process.cwd(), env: process.env });
}

export type { StoredForkOptions } from './fork/from-store.ts';
export type { ForkOptions } from './fork/options.ts';
export type { PreparedFork } from './fork/prepared.ts';
export type { MadeFiles } from './fork/files.ts';
export type { Fork } from './model/job/fork.ts';
export type { GitExport } from './changes/git-export.ts';
export type {
  Act,
  ChangesChoice,
  FileChange,
  JobChanges,
  RowChange,
  SchemaChange,
  StateChange,
} from './changes/job-changes.ts';
export type { JobState } from './changes/job-state.ts';
export type { JobPatch } from './changes/job-patch.ts';
export type { ListedChange, ShownChange, Sign } from './changes/shown-change.ts';
export type { ManifestEntry } from './model/record/manifest.ts';
export type { CheckpointRecord } from './model/record/record.ts';
export type { ChangedBy } from './model/record/net-changes.ts';
export type { FileState, RowState, SchemaState } from './model/record/world.ts';
export type { InspectedJob } from './protocol/inspect/inspection.ts';
export { HoldfastError, isFailure } from './model/failure.ts';
