/**
 * Loads a job at one of its checkpoints from a store.
 *
 * Invariants
 * 1. What is returned is a whole chain from its first record, whose heads lead to the one that the checkpoint itself
 *    states: nothing is taken from two that do not belong together.
 * 2. Another checkpoint than the one asked for is never chosen in silence.
 */
import type { Digest } from '../../model/digest.ts';
import { HoldfastError, isFailure } from '../../model/failure.ts';
import { SealedCheckpointSchema, type ChainPart, type SealedCheckpoint } from '../../model/job/sealed-checkpoint.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import { issuesText } from '../../model/issues-text.ts';
import { GENESIS, nextHead } from '../../model/record/chain.ts';
import { ChainRecordSchema, type ChainRecord } from '../../model/record/record.ts';
import { loadSealed } from '../../store/sealed/load.ts';
import type { SealedStore } from '../../store/sealed/store.ts';
import '../../store/native-digest.ts';

/** A job as a store has it at one checkpoint. */
export interface StoredJob {
  readonly checkpoint: SealedCheckpoint;
  /** The whole chain, in order. */
  readonly chain: readonly { readonly record: ChainRecord; readonly text: string; readonly head: Digest }[];
  readonly parts: readonly ChainPart[];
}

/**
 * One checkpoint of a job, verified.
 * @throws HoldfastError `not-found`, `checkpoint-damaged`, `unknown-format`
 */
export async function loadCheckpoint(store: SealedStore, jobId: string, seq: number): Promise<SealedCheckpoint> {
  const { document } = await loadSealed({ store, series: jobId, kind: 'checkpoint' }, seq);
  const parsed = SealedCheckpointSchema.safeParse(document);
  const where = store.where(jobId, seq);
  if (!parsed.success) throw notWhole(where, seq, issuesText(parsed.error.issues));
  const { place, jobId: owner } = parsed.data;
  if (owner !== jobId || place.seq !== seq)
    throw notWhole(where, seq, `it is checkpoint ${place.seq} of ${owner}, and stands in the place of another`);
  return parsed.data;
}

/**
 * The job at a checkpoint: its whole chain, proved by its heads.
 * @throws HoldfastError as `loadCheckpoint`; `checkpoint-damaged` where what it goes on from can't be read either, with
 *   each of them named
 */
export async function loadJob(store: SealedStore, jobId: string, seq: number): Promise<StoredJob> {
  const checkpoint = await loadCheckpoint(store, jobId, seq);
  const parts: ChainPart[] = [checkpoint.chain];
  // What the document above has of the one that is looked for next.
  let again = checkpoint.before;
  while (parts[0]!.after.seq > 0) {
    const earlier = await earlierOf(store, jobId, { seq: parts[0]!.after.seq, again });
    parts.unshift(earlier.chain);
    again = earlier.before;
  }
  return { checkpoint, parts, chain: provedChain(store.where(jobId, seq), checkpoint.place, parts) };
}

interface Looked {
  readonly seq: number;
  readonly again: ChainPart | null;
}

async function earlierOf(
  store: SealedStore,
  jobId: string,
  { seq, again }: Looked,
): Promise<Pick<SealedCheckpoint, 'chain' | 'before'>> {
  try {
    return await loadCheckpoint(store, jobId, seq);
  } catch (error) {
    if (!isFailure(error, 'checkpoint-damaged', 'not-found', 'unknown-format') || again === null) throw error;
    return { chain: again, before: null };
  }
}

/** Records that lead to a place. @throws HoldfastError `checkpoint-damaged` */
export function provedChain(where: string, place: ChainPlace, parts: readonly ChainPart[]): StoredJob['chain'] {
  const chain: { record: ChainRecord; text: string; head: Digest }[] = [];
  let head = GENESIS;
  for (const part of parts) {
    if (part.after.seq !== chain.length || part.after.head !== head)
      throw notWhole(where, place.seq, `its parts do not follow each other at record ${part.after.seq}`);
    for (const text of part.records) {
      head = nextHead(head, text);
      const parsed = ChainRecordSchema.safeParse(JSON.parse(text));
      if (!parsed.success) throw notWhole(where, place.seq, `record ${chain.length + 1} can't be read`);
      if (parsed.data.seq !== chain.length + 1)
        throw notWhole(where, place.seq, `record ${chain.length + 1} says that it is ${parsed.data.seq}`);
      chain.push({ record: parsed.data, text, head });
    }
  }
  if (chain.length !== place.seq || head !== place.head)
    throw notWhole(where, place.seq, 'its records do not lead to the place in the chain that it states');
  return chain;
}

function notWhole(where: string, seq: number, why: string): HoldfastError {
  return new HoldfastError('checkpoint-damaged', `Checkpoint ${seq} (${where}) is no whole checkpoint: ${why}.`, {
    seq,
    where,
    why,
  });
}
