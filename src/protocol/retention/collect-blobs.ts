/**
 * Removes contents of a workspace that no record names.
 *
 * Invariant: only while no job has the workspace, under its lock. A job stores contents before it names them, and for
 * that it must have the workspace.
 */
import { join } from 'node:path';
import { shellWord } from '../../model/shell-word.ts';
import { isThere } from '../../store/durable-file.ts';
import { LOST_LEDGERS } from '../../store/ledger/make-ledger.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Workspace } from '../workspace/workspace.ts';

/** A job that has recorded nothing for so long may have been terminated. */
const QUIET_MS = 24 * 60 * 60 * 1_000;

/** What was removed, or would be. */
export interface Collected {
  readonly contents: number;
  readonly sizeBytes: number;
  /** Why nothing was looked at. */
  readonly hindrance?: string;
}

/** @param dryRun nothing is removed */
export async function collectBlobs(
  workspace: Workspace,
  { dryRun, nowMs }: { readonly dryRun: boolean; readonly nowMs: number },
): Promise<Collected> {
  return await workspace.exclusive('retention', (ledger) => {
    const hindrance = whyNot(workspace, ledger, nowMs);
    if (hindrance !== undefined) return { contents: 0, sizeBytes: 0, hindrance };
    const blobs = new Set(workspace.blobs.digests());
    const small = new Set(ledger.rows.contents());
    for (const digest of ledger.rows.namedDigests()) {
      blobs.delete(digest);
      small.delete(digest);
    }
    const sizeBytes = [...blobs].reduce((sum, digest) => sum + workspace.blobs.sizeOf(digest), 0);
    if (!dryRun) {
      ledger.transaction(() => ledger.rows.removeContents(small));
      workspace.blobs.remove([...blobs]);
      workspace.blobs.removeLeftovers();
    }
    return { contents: blobs.size + small.size, sizeBytes };
  });
}

function whyNot(workspace: Workspace, ledger: Ledger, nowMs: number): string | undefined {
  const bound = ledger.boundJobId();
  if (bound !== undefined) return `job ${whose(workspace, ledger, { jobId: bound, nowMs })}`;
  // What was set aside may be needed to find out what it told.
  if (isThere(join(workspace.directory, LOST_LEDGERS))) return `an earlier record lies in ${LOST_LEDGERS}`;
  return undefined;
}

/** A terminated job gives nothing back, and no record says that it was: whoever wonders is told how to find out. */
function whose(
  workspace: Workspace,
  ledger: Ledger,
  { jobId, nowMs }: { readonly jobId: string; readonly nowMs: number },
): string {
  const job = ledger.job(jobId);
  const name = job?.workflowId ?? jobId;
  const last = job === undefined ? undefined : [...ledger.records(jobId, Math.max(0, job.at.seq - 1))].at(-1);
  const has = `${name} has the workspace`;
  if (last === undefined || nowMs - Date.parse(last.record.at) < QUIET_MS) return has;
  return (
    `${has}, and its last record is of ${last.record.at}. If it was terminated ` +
    `(\`holdfast status ${shellWord(name)}\` tells), it will never give it back: start the next job there ` +
    `(\`holdfast start PLAN --workspace ${shellWord(workspace.root)}\`) and answer its question with \`accept\`. ` +
    'What was half applied is then finished, and this job counts as ended.'
  );
}
