/**
 * The checkpoint that a job is started from.
 *
 * Invariant: another one than the newest, or than the one asked for, is never chosen here: where that can't be read it
 * is told, and what an older one would be.
 */
import { isFailure } from '../../model/failure.ts';
import type { Unreadable } from '../../store/sealed/load.ts';
import type { SealedStore } from '../../store/sealed/store.ts';
import { loadJob, type StoredJob } from './load-job.ts';

/** What can be done with a store's checkpoints of a job. */
export type StoredChoice =
  | {
      readonly kind: 'job';
      readonly stored: StoredJob;
      /** Checkpoints of it that come after this one. */
      readonly later: readonly number[];
    }
  | {
      readonly kind: 'unreadable';
      /** The wanted one first, then those before it that can't be read either. */
      readonly unreadable: readonly Unreadable[];
      /** The newest one before them that is whole. Undefined: there is none. */
      readonly older: StoredJob | undefined;
    }
  | { readonly kind: 'none'; readonly there: readonly number[] };

/** @param at undefined: the newest. @throws HoldfastError where the store can't be read */
export async function chooseStored(store: SealedStore, jobId: string, at?: number): Promise<StoredChoice> {
  const there = await store.generations(jobId);
  const wanted = at ?? there.at(-1);
  if (wanted === undefined || !there.includes(wanted)) return { kind: 'none', there };
  const unreadable: Unreadable[] = [];
  for (const generation of there.filter((one) => one <= wanted).toReversed()) {
    try {
      const stored = await loadJob(store, jobId, generation);
      if (unreadable.length > 0) return { kind: 'unreadable', unreadable, older: stored };
      return { kind: 'job', stored, later: there.filter((one) => one > wanted) };
    } catch (error) {
      if (!isFailure(error, 'checkpoint-damaged', 'unknown-format', 'not-found')) throw error;
      unreadable.push({ generation, failure: error });
    }
  }
  return { kind: 'unreadable', unreadable, older: undefined };
}
