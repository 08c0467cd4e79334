/**
 * Removes contents of a workspace that no record names.
 *
 * Invariant: only while no job has the workspace, under its lock. A job stores contents before it names them, and for
 * that it must have the workspace.
 */
import { join } from 'node:path';
import { isThere } from '../../store/durable-file.ts';
import { LOST_LEDGERS } from '../../store/ledger/make-ledger.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Workspace } from '../workspace/workspace.ts';

/** What was removed, or would be. */
export interface Collected {
  readonly contents: number;
  readonly sizeBytes: number;
  /** Why nothing was looked at. */
  readonly hindrance?: string;
}

/** @param dryRun nothing is removed */
export async function collectBlobs(workspace: Workspace, dryRun: boolean): Promise<Collected> {
  return await workspace.exclusive('retention', (ledger) => {
    const hindrance = whyNot(workspace, ledger);
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
      workspace.blobs.removeLeftovers(Date.now());
    }
    return { contents: blobs.size + small.size, sizeBytes };
  });
}

function whyNot(workspace: Workspace, ledger: Ledger): string | undefined {
  const bound = ledger.boundJobId();
  if (bound !== undefined) return `job ${ledger.job(bound)?.workflowId ?? bound} has the workspace`;
  // What was set aside may be needed to find out what it told.
  if (isThere(join(workspace.directory, LOST_LEDGERS))) return `an earlier record lies in ${LOST_LEDGERS}`;
  return undefined;
}
