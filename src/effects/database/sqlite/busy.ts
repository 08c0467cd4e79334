/** Tries again while SQLite answers that another connection holds a lock. */
import { isFailure } from '../../../model/failure.ts';
import { tries, type PausePolicy } from '../../../store/retry.ts';

const PAUSES_MS = [1, 2, 5, 10, 20, 50] as const;

/** Waits between the tries, never inside them. @throws what the last try threw */
export async function retryWhileBusy<T>(limitMs: number, attempt: () => T | Promise<T>): Promise<T> {
  let last: unknown;
  for await (const _count of tries(pausesWithin(limitMs))) {
    try {
      return await attempt();
    } catch (error) {
      if (!isFailure(error, 'busy')) throw error;
      last = error;
    }
  }
  throw last;
}

/** Gives up rather than pause beyond the limit. */
function pausesWithin(limitMs: number): PausePolicy {
  return (count, elapsedMs) => {
    const pauseMs = PAUSES_MS[Math.min(count, PAUSES_MS.length) - 1]!;
    return elapsedMs + pauseMs > limitMs ? undefined : pauseMs;
  };
}
