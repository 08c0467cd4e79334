/**
 * Reads back what a job's store has of it: every checkpoint and every content that one names. Each checkpoint's records
 * must lead from the one before it to its own place, and be those of the job's record. Memory grows by a head a
 * checkpoint and a digest a content, not with their size.
 */
import type { Digest } from '../../model/digest.ts';
import { isFailure } from '../../model/failure.ts';
import type { FailureType } from '../../model/failures.ts';
import type { SealedCheckpoint } from '../../model/job/sealed-checkpoint.ts';
import { GENESIS, nextHead } from '../../model/record/chain.ts';
import type { SealedStore } from '../../store/sealed/store.ts';
import { loadCheckpoint } from '../checkpoint/load-job.ts';
import { Problems, type FoundProblems } from './problems.ts';

export interface StoredProblems extends FoundProblems {
  /** For people. */
  readonly location: string;
  readonly checkpoints: number;
  readonly contents: number;
}

export interface InspectedStore {
  readonly store: SealedStore;
  readonly jobId: string;
  /** Of the job's own record; undefined: it has no such record. */
  readonly headAt: (seq: number) => Digest | undefined;
  /** How many checkpoints and contents were read by now. */
  readonly onProgress?: ((read: number) => void) | undefined;
}

/** A store that is away is no damage of what it has. */
const AWAY: ReadonlySet<FailureType> = new Set(['storage-unreachable', 'busy', 'permission-denied']);

/** @throws HoldfastError where the store itself can't be read */
export async function storedProblems(inspected: InspectedStore): Promise<StoredProblems> {
  const { store, jobId, headAt, onProgress } = inspected;
  const problems = new Problems();
  const heads = new Map<number, Digest>([[0, GENESIS]]);
  const contents = new Set<Digest>();
  let read = 0;
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!isFailure(error) || AWAY.has(error.type)) throw error;
      problems.add(error.message);
    }
    onProgress?.((read += 1));
  };
  const all = await store.generations(jobId);
  for (const seq of all)
    await attempt(async () => {
      const checkpoint = await loadCheckpoint(store, jobId, seq);
      for (const digest of checkpoint.chain.blobs) contents.add(digest);
      const wrong = whatIsWrong(checkpoint, heads, headAt);
      if (wrong !== undefined) problems.add(`Checkpoint ${seq} (${store.where(jobId, seq)}): ${wrong}.`);
      else heads.set(seq, checkpoint.place.head);
    });
  for (const digest of contents)
    await attempt(async () => {
      for await (const chunk of store.getBlob(digest)) void chunk;
    });
  return { location: store.location, checkpoints: all.length, contents: contents.size, ...problems.found };
}

function whatIsWrong(
  { chain, place, before }: SealedCheckpoint,
  heads: ReadonlyMap<number, Digest>,
  headAt: InspectedStore['headAt'],
): string | undefined {
  let head = chain.after.head;
  for (const text of chain.records) head = nextHead(head, text);
  if (head !== place.head || chain.after.seq + chain.records.length !== place.seq)
    return 'its records do not lead to the place in the chain that it states';
  const earlier = heads.get(chain.after.seq);
  // One that can't be read is told by itself, and the next one has its part once more.
  if (earlier !== undefined && earlier !== chain.after.head)
    return `it does not go on from checkpoint ${chain.after.seq} of this store`;
  if (earlier === undefined && before === null) return `checkpoint ${chain.after.seq}, which it goes on from, is lost`;
  const own = headAt(place.seq);
  return own !== undefined && own !== place.head ? "the job's record has another record of this number" : undefined;
}
