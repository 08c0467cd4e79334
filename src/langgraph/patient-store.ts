/** A store whose passing troubles are waited out: it is asked again, with growing pauses, until patience ends. */
import { isFailure } from '../model/failure.ts';
import { type PausePolicy, tries } from '../store/retry.ts';
import type { SealedStore } from '../store/sealed/store.ts';

const FIRST_PAUSE_MS = 20;
const MAX_PAUSE_MS = 1000;
const PATIENCE_MS = 15_000;

/** What the saver uses of a store. */
export type ThreadStore = Pick<
  SealedStore,
  'where' | 'put' | 'get' | 'generations' | 'series' | 'setAside' | 'remove' | 'close'
>;

/** Every act of a store may be repeated. */
export function patient(store: ThreadStore, patienceMs = PATIENCE_MS): ThreadStore {
  const policy: PausePolicy = (count, elapsedMs) =>
    elapsedMs >= patienceMs ? undefined : Math.min(FIRST_PAUSE_MS * 2 ** (count - 1), MAX_PAUSE_MS);
  return {
    where: (series, generation) => store.where(series, generation),
    put: async (series, generation, sealed) => patiently(policy, async () => store.put(series, generation, sealed)),
    get: async (series, generation) => patiently(policy, async () => store.get(series, generation)),
    generations: async (series) => patiently(policy, async () => store.generations(series)),
    series: async () => patiently(policy, async () => store.series()),
    setAside: async (series, generation, why) => patiently(policy, async () => store.setAside(series, generation, why)),
    remove: async (series, generation) => patiently(policy, async () => store.remove(series, generation)),
    close: async () => store.close(),
  };
}

async function patiently<T>(policy: PausePolicy, act: () => Promise<T>): Promise<T> {
  let failure: unknown;
  for await (const _ of tries(policy))
    try {
      return await act();
    } catch (error) {
      if (!isFailure(error) || !error.retryable) throw error;
      failure = error;
    }
  throw failure;
}
