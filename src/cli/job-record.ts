/** What commands have in common that read a job's record: which workspace, and which of its jobs. */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { WorkspaceInspection, type InspectedJob } from '../protocol/inspect/inspection.ts';
import { HoldfastError } from '../model/failure.ts';
import { CONFIG_OPTIONS, CONNECTION_OPTIONS, JOB_OF_WORKSPACE_OPTION, type Context, type Outcome } from './command.ts';
import { workspaceFor } from './verify.ts';

export const JOB_RECORD_OPTIONS = [JOB_OF_WORKSPACE_OPTION, ...CONFIG_OPTIONS, ...CONNECTION_OPTIONS];

export interface JobRecordChoice {
  readonly job?: string;
}

/** @param target a workspace, or a job whose workspace is here. @throws HoldfastError `not-found` */
export async function withJobRecord<T>(
  context: Context<JobRecordChoice>,
  target: string,
  work: (inspection: WorkspaceInspection, job: InspectedJob) => T | Promise<T>,
): Promise<T> {
  const { folder, job } = await workspaceFor(context, await context.config(), target);
  await using inspection = await WorkspaceInspection.open(folder, context.terminal.env);
  return await work(inspection, inspection.job(context.options.job ?? job));
}

/** A job by its name, or the one that has this workspace. */
export async function namedJob(context: Context<JobRecordChoice>, target: string): Promise<string> {
  const folder = path.resolve(context.terminal.cwd, target);
  const isFolder = existsSync(folder) && statSync(folder).isDirectory();
  if (!isFolder) return target;
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
