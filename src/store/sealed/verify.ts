/** Reads back all that a store has. Changes nothing; memory doesn't grow with the store. */
import { isFailure } from '../../model/failure.ts';
import type { FailureType } from '../../model/failures.ts';
import { placeText } from './met.ts';
import { openPlain } from './open.ts';
import type { SealedStore } from './store.ts';

/** More problems than these are counted, and not told one by one. */
const MAX_TOLD = 50;
/** A store that is away is no damage of what it has. */
const AWAY: ReadonlySet<FailureType> = new Set(['storage-unreachable', 'busy']);

/** What was read, and what of it is not sound. */
export interface StoreVerification {
  readonly series: number;
  readonly checkpoints: number;
  readonly contents: number;
  /** How many problems there are. */
  readonly found: number;
  /** The first of them, for people: which checkpoint or content it is, and what is wrong with it. */
  readonly problems: readonly string[];
}

/** Every checkpoint and every content. @throws HoldfastError where the store itself can't be read */
export async function verifyStore(store: SealedStore): Promise<StoreVerification> {
  const problems: string[] = [];
  let [found, checkpoints, contents] = [0, 0, 0];
  const attempt = async (read: () => Promise<void>): Promise<void> => {
    try {
      await read();
    } catch (error) {
      if (!isFailure(error) || AWAY.has(error.type)) throw error;
      found += 1;
      if (problems.length < MAX_TOLD) problems.push(error.message);
    }
  };
  const all = await store.series();
  for (const series of all)
    for (const generation of await store.generations(series)) {
      await attempt(async () => {
        const bytes = await store.get(series, generation);
        // Undefined: it was removed meanwhile.
        if (bytes !== undefined)
          openPlain(bytes, placeText({ series, generation, where: store.where(series, generation) }));
      });
      checkpoints += 1;
    }
  for await (const { content } of store.blobs()) {
    await attempt(async () => {
      for await (const chunk of store.getBlob(content)) void chunk;
    });
    contents += 1;
  }
  return { series: all.length, checkpoints, contents, found, problems };
}
