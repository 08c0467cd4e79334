/** The workspaces below a folder, and the jobs in them that have ended. Reads only, each workspace under its lock. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type HoldfastError, isFailure } from '../../model/failure.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import { HOLDFAST_DIRECTORY } from '../../model/step/workspace-path.ts';
import { isThere, storageError, systemCode } from '../../store/durable-file.ts';
import { LEDGER_FILE } from '../../store/ledger/file.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Workspace } from '../workspace/workspace.ts';

/** Deeper than this nobody keeps a workspace below the folder of all. */
const MAX_DEPTH = 8;
/** The release is among the last records: what is withdrawn with it comes behind it. */
const RELEASED_WITHIN = 200;

/** A job that has ended and given its workspace back. */
export interface EndedJob {
  readonly jobId: string;
  readonly workflowId: string;
  readonly settings: JobSettings;
  readonly at: ChainPlace;
  /** When, as ISO 8601 in UTC; and how. */
  readonly endedAt: string;
  readonly outcome: string;
}

/** What a workspace has of jobs. */
export interface WorkspaceJobs {
  readonly ended: readonly EndedJob[];
  /** Jobs that run, wait, or could not give the workspace back: with where their checkpoints are kept. */
  readonly others: readonly { readonly jobId: string; readonly settings: JobSettings }[];
}

/** Folders with a record, below this one and itself, in order. @param unseen gets each that can't be looked into */
export function workspacesBelow(
  folder: string,
  unseen: (folder: string, error: HoldfastError) => void,
  depth = 0,
): readonly string[] {
  try {
    const own = isThere(join(folder, HOLDFAST_DIRECTORY, LEDGER_FILE)) ? [folder] : [];
    if (depth === MAX_DEPTH) return own;
    const inner = foldersIn(folder).flatMap((name) => workspacesBelow(join(folder, name), unseen, depth + 1));
    return [...own, ...inner];
  } catch (error) {
    if (!isFailure(error)) throw error;
    unseen(folder, error);
    return [];
  }
}

/** @throws HoldfastError `ledger-damaged`, `busy`, … */
export async function jobsIn(workspace: Workspace): Promise<WorkspaceJobs> {
  return await workspace.exclusive('retention', (ledger) => {
    const ended: EndedJob[] = [];
    const others: WorkspaceJobs['others'][number][] = [];
    for (const jobId of ledger.jobIds()) {
      const found = endedJob(ledger, jobId);
      if (found !== undefined) ended.push(found);
      else others.push({ jobId, settings: ledger.job(jobId)!.settings });
    }
    return { ended, others };
  });
}

/** Undefined: it has not ended, or has left something to be done. Call under the lock. */
export function endedJob(ledger: Ledger, jobId: string): EndedJob | undefined {
  const job = ledger.job(jobId);
  if (job === undefined || job.state !== 'released' || ledger.boundJobId() === jobId) return undefined;
  if (ledger.openIntents(jobId).length > 0 || ledger.repairs.sealed(jobId).length > 0) return undefined;
  const { workflowId, settings, at } = job;
  for (const { record } of [...ledger.records(jobId, Math.max(0, at.seq - RELEASED_WITHIN))].reverse())
    if (record.kind === 'released')
      return { jobId, workflowId, settings, at, endedAt: record.at, outcome: record.outcome };
  return undefined;
}

/** Neither hidden ones nor packages. */
function foldersIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw storageError('list', folder, error);
  }
}
