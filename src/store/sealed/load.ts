/**
 * Loads what a store keeps, verified, and says what is there where it can't be.
 *
 * Invariant: nothing is chosen in silence. Another generation than the one asked for, or than the newest, is the
 * caller's decision, and it gets every damage that lies between.
 */
import { HoldfastError, isFailure } from '../../model/failure.ts';
import type { KindName } from './kinds.ts';
import { placeText } from './met.ts';
import { openSealed, type OpenedSeal } from './open.ts';
import type { SealedStore } from './store.ts';

/** So many are named where another one is asked for. */
const MAX_NAMED = 20;

/** A series of documents of one kind. */
export interface SealedSeries {
  readonly store: SealedStore;
  readonly series: string;
  readonly kind: KindName;
}

/**
 * One generation, verified.
 * @throws HoldfastError `not-found` naming those that are there; `checkpoint-damaged`, `unknown-format`
 */
export async function loadSealed({ store, series, kind }: SealedSeries, generation: number): Promise<OpenedSeal> {
  const bytes = await store.get(series, generation);
  if (bytes === undefined) throw notThere(store, series, await store.generations(series), generation);
  return openSealed(bytes, { kind, place: placeText({ series, generation, where: store.where(series, generation) }) });
}

/** A generation that can't be read. */
export interface Unreadable {
  readonly generation: number;
  /** `checkpoint-damaged` or `unknown-format`. */
  readonly failure: HoldfastError;
}

/** The newest generation that is sound, and those after it that are not. */
export interface NewestSound {
  /** Undefined: none is sound, or there is none at all. */
  readonly sound: { readonly generation: number; readonly opened: OpenedSeal } | undefined;
  /** Newest first. */
  readonly unreadable: readonly Unreadable[];
}

/** Looks from the newest generation back until one is sound. What is not sound stays where it is. */
export async function newestSound(of: SealedSeries): Promise<NewestSound> {
  const unreadable: Unreadable[] = [];
  for (const generation of (await of.store.generations(of.series)).toReversed()) {
    try {
      return { sound: { generation, opened: await loadSealed(of, generation) }, unreadable };
    } catch (error) {
      if (!isFailure(error, 'checkpoint-damaged', 'unknown-format')) throw error;
      unreadable.push({ generation, failure: error });
    }
  }
  return { sound: undefined, unreadable };
}

function notThere(store: SealedStore, series: string, there: readonly number[], generation: number): HoldfastError {
  const [first, last] = [there.at(0), there.at(-1)];
  const named = there.slice(-MAX_NAMED).join(', ');
  const all = there.length > MAX_NAMED ? `${there.length} from ${first} to ${last}, the last ones ${named}` : named;
  return new HoldfastError(
    'not-found',
    `There is no checkpoint ${generation} of ${JSON.stringify(series)} in ${store.location}. ` +
      (there.length === 0 ? 'There is none of it.' : `There are: ${all}.`),
    { series, generation, store: store.location, there: there.slice(-MAX_NAMED) },
  );
}
