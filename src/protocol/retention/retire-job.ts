/**
 * Takes the record of a job that has ended out of its workspace: archived first, where that is asked for.
 *
 * Invariants
 * 1. An archive is durable, has its name and was read back before its caller is told of it.
 * 2. The record goes in one transaction, and only while the job has ended still, with the chain that was archived. A
 *    kill at any point leaves the record, or the archive and no record.
 */
import { join } from 'node:path';
import { digestOf } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import { GENESIS } from '../../model/record/chain.ts';
import type { ArchivedJob } from '../../model/job/archived-job.ts';
import { chainPart } from '../checkpoint/chain-part.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { writeArchive } from './write-archive.ts';
import { endedJob, type EndedJob } from './workspaces.ts';

/**
 * Safe to repeat.
 * @returns false: another gc was faster
 * @throws HoldfastError `busy`: the job has gone on since it was archived
 */
export async function removeJob(workspace: Workspace, ended: EndedJob): Promise<boolean> {
  return await workspace.exclusive('retention', (ledger) => {
    if (ledger.job(ended.jobId) === undefined) return false;
    mustBeAsBefore(ended, endedJob(ledger, ended.jobId));
    ledger.transaction(() => ledger.rows.remove(ended.jobId));
    return true;
  });
}

/** `city-weather-1a2b3c4d-0f1e2d3c4b5a.tar`: no two jobs share one. */
export function archiveName({ workflowId, jobId }: Pick<EndedJob, 'workflowId' | 'jobId'>): string {
  return `${workflowId.replace(/[^\w.-]/g, '_').slice(0, 100)}-${digestOf(jobId).slice(0, 12)}.tar`;
}

/**
 * Safe to repeat.
 * @returns where the archive lies; undefined: another gc has archived and removed it
 * @throws HoldfastError `busy`: the job has gone on; as `writeArchive`
 */
export async function archiveJob(workspace: Workspace, ended: EndedJob, folder: string): Promise<string | undefined> {
  const { jobId, endedAt, outcome } = ended;
  const job = await workspace.exclusive('retention', (ledger): ArchivedJob | undefined => {
    if (ledger.job(jobId) === undefined) return undefined;
    const now = endedJob(ledger, jobId);
    mustBeAsBefore(ended, now);
    const { workflowId, settings, at: place } = now!;
    const from = { after: { seq: 0, head: GENESIS }, upTo: place.seq };
    return { jobId, workflowId, settings, place, chain: chainPart(ledger, workspace, jobId, from) };
  });
  if (job === undefined) return undefined;
  const path = join(folder, archiveName(ended));
  await writeArchive(path, {
    job,
    ended: { endedAt, outcome },
    sizeOf: (content) => workspace.blobs.sizeOf(content),
    stream: (content) => workspace.blobs.stream(content),
  });
  return path;
}

function mustBeAsBefore(before: EndedJob, now: EndedJob | undefined): void {
  if (now !== undefined && now.at.head === before.at.head) return;
  throw new HoldfastError('busy', `Job ${before.workflowId} has gone on meanwhile. Nothing of it was removed.`, {
    jobId: before.jobId,
  });
}
