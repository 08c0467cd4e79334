/**
 * Removes old generations of a series.
 *
 * Invariants
 * 1. Three generations are kept, whatever is asked for.
 * 2. One goes only when the two newest ones have just been read back and are sound.
 * 3. The oldest goes first: a kill leaves no gap.
 */
import { isFailure } from '../../model/failure.ts';
import { loadSealed, type SealedSeries, type Unreadable } from './load.ts';

/** So many stay, whatever is asked for. */
export const MIN_KEPT = 3;
const MUST_BE_SOUND = 2;

/** What is kept. */
export interface Retention {
  /** So many of the newest. At least three. */
  readonly keep: number;
  /** None from this one on is removed, however many there are: newer ones build on it. Default: none is needed so. */
  readonly neededFrom?: number;
}

/** What became of the old generations. */
export interface Pruned {
  readonly removed: readonly number[];
  /** Why nothing was removed that could have been. Undefined: nothing stood in the way. */
  readonly hindrance: Unreadable | undefined;
}

/** Safe to repeat, and beside a writer. @throws HoldfastError as the store's methods do */
export async function pruneSeries(of: SealedSeries, { keep, neededFrom = Infinity }: Retention): Promise<Pruned> {
  const there = await of.store.generations(of.series);
  const old = there.slice(0, Math.max(0, there.length - Math.max(keep, MIN_KEPT)));
  const removable = old.filter((generation) => generation < neededFrom);
  if (removable.length === 0) return { removed: [], hindrance: undefined };
  for (const generation of there.slice(-MUST_BE_SOUND)) {
    try {
      await loadSealed(of, generation);
    } catch (error) {
      if (!isFailure(error, 'checkpoint-damaged', 'unknown-format', 'not-found')) throw error;
      return { removed: [], hindrance: { generation, failure: error } };
    }
  }
  const removed: number[] = [];
  for (const generation of removable) if (await of.store.remove(of.series, generation)) removed.push(generation);
  return { removed, hindrance: undefined };
}
