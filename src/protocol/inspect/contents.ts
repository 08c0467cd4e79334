/**
 * Reads every content of a record and compares it with its digest, and looks for those that the record of a job that
 * goes on names and nobody has. Memory doesn't grow with their number or size.
 */
import { hash } from 'node:crypto';
import type { Digest } from '../../model/digest.ts';
import type { ChainRecord } from '../../model/record/record.ts';
import type { BlobStore } from '../../store/blobs/blobs.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { Problems, type FoundProblems } from './problems.ts';

export interface ContentProblems extends FoundProblems {
  /** How many contents were read. */
  readonly read: number;
}

export interface InspectedContents {
  readonly ledger: Ledger;
  readonly blobs: BlobStore;
  /** How many were read by now. */
  readonly onProgress?: ((read: number) => void) | undefined;
}

export async function contentProblems({ ledger, blobs, onProgress }: InspectedContents): Promise<ContentProblems> {
  const problems = new Problems();
  let read = 0;
  const count = (): void => onProgress?.((read += 1));
  for (const { digest, bytes } of ledger.contents()) {
    count();
    if (hash('sha256', bytes) !== digest) problems.add(`content ${digest} in the ledger is not what was put there`);
  }
  for (const digest of blobs.digests()) {
    count();
    if ((await blobs.verify(digest)) === 'damaged') problems.add(`${blobs.pathOf(digest)} is not what was put there`);
  }
  for (const jobId of ledger.jobIds())
    if (ledger.job(jobId)?.state !== 'released')
      for (const { record } of ledger.records(jobId))
        for (const [what, digest] of neededBy(record))
          if (!blobs.has(digest)) problems.add(`content ${digest} of ${what} (record ${record.seq}) is not there`);
  return { read, ...problems.found };
}

/** What putting back or undoing would take from the store. */
function neededBy(record: ChainRecord): readonly (readonly [what: string, digest: Digest])[] {
  if (record.kind === 'decision') return Object.entries(record.kept);
  if (record.kind !== 'step' && record.kind !== 'undone') return [];
  return record.effects.flatMap(({ effect, outcome }) => {
    if (outcome !== 'applied' || !('path' in effect)) return [];
    const { path, before, after } = effect;
    return [before, after].flatMap((state) =>
      state.kind === 'file' ? [[`file:${path}`, state.content] as const] : [],
    );
  });
}
