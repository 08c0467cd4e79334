/** What commands have in common that read a job's record: which workspace, and which of its jobs. */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { WorkspaceInspection, type InspectedJob } from '../protocol/inspect/inspection.ts';
import { HoldfastError } from '../model/failure.ts';
import { openArchivedWorkspace } from '../protocol/retention/open-archived.ts';
import { CONFIG_OPTIONS, CONNECTION_OPTIONS, JOB_OF_WORKSPACE_OPTION, type Context, type Outcome } from './command.ts';
import { workspaceFor } from './workspace-for.ts';

export const JOB_RECORD_OPTIONS = [JOB_OF_WORKSPACE_OPTION, ...CONFIG_OPTIONS, ...CONNECTION_OPTIONS];

export interface JobRecordChoice {
  readonly job?: string;
}

/** @param target a workspace, a job whose workspace is here, or an archive. @throws HoldfastError `not-found` */
export async function withJobRecord<T>(
  context: Context<JobRecordChoice>,
  target: string,
  work: (inspection: WorkspaceInspection, job: InspectedJob) => T | Promise<T>,
): Promise<T> {
  if (isArchive(context, target)) return await withArchive(context, target, work);
  const { folder, job } = await workspaceFor(context, await context.config(), target);
  await using inspection = await WorkspaceInspection.open(folder, context.terminal.env);
  return await work(inspection, inspection.job(context.options.job ?? job));
}

/** An archive of `holdfast gc` is read like a workspace. */
function isArchive({ terminal }: Context, target: string): boolean {
  const file = path.resolve(terminal.cwd, target);
  return target.endsWith('.tar') && existsSync(file) && statSync(file).isFile();
}

async function withArchive<T>(
  { terminal }: Context,
  target: string,
  work: (inspection: WorkspaceInspection, job: InspectedJob) => T | Promise<T>,
): Promise<T> {
  await using archived = await openArchivedWorkspace(path.resolve(terminal.cwd, target));
  await using inspection = await WorkspaceInspection.open(archived.folder, terminal.env);
  return await work(inspection, inspection.job(archived.jobId));
}

/** A job by its name, or the one that has this workspace. */
export async function namedJob(context: Context<JobRecordChoice>, target: string): Promise<string> {
  if (!isFolder(context, target)) return target;
  return await withJobRecord(context, target, (_inspection, { workflowId }) => workflowId);
}

/** A job whose workspace is on another host is asked itself. @throws HoldfastError `not-found` */
export async function orAsked(record: Promise<Outcome>, asked: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await record;
  } catch (error) {
    if (error instanceof HoldfastError && error.details['isElsewhere'] === true) return await asked();
    throw error;
  }
}

/** Is it a place here, and no job's name? */
export function isFolder({ terminal }: Context, target: string): boolean {
  const folder = path.resolve(terminal.cwd, target);
  return existsSync(folder) && statSync(folder).isDirectory();
}
