/** Tries with pauses between them: nothing waits inside a try, so that the main loop goes on. */
import { setTimeout as sleep } from 'node:timers/promises';
import { defined } from '../model/defined.ts';

/**
 * The pause after a try that came to nothing.
 * @param count how many tries there were, from 1
 * @param elapsedMs since the first try began
 * @returns milliseconds; undefined: give up
 */
export type PausePolicy = (count: number, elapsedMs: number) => number | undefined;

/**
 * Yields once for each try; its number, from 1. Ends when the policy gives up. The caller leaves the loop when a try
 * succeeds.
 * @throws the signal's reason, if it aborts a pause
 */
export async function* tries(policy: PausePolicy, signal?: AbortSignal): AsyncGenerator<number, void, undefined> {
  const startedMs = performance.now();
  for (let count = 1; ; count++) {
    yield count;
    const pauseMs = policy(count, performance.now() - startedMs);
    if (pauseMs === undefined) return;
    await sleep(pauseMs, undefined, defined({ signal })).catch((error: unknown) => {
      throw signal?.aborted === true ? signal.reason : error;
    });
  }
}

/** Pauses of one length until a time is over; the last try may come after it. */
export function every(pauseMs: number, limitMs: number): PausePolicy {
  return (_count, elapsedMs) => (elapsedMs >= limitMs ? undefined : pauseMs);
}
