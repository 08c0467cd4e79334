/**
 * How long a worker may take until it has taken what a job requests.
 *
 * Invariants
 * 1. Limits become longer each time that one passes, and end with none: a queue that is merely long can't keep a
 *    request for ever, and what passes them adds a bounded number of events.
 * 2. Requests that were made together pass their limit together: that counts once.
 */
const MINUTE_MS = 60_000;
/** A worker takes what it has a slot for in milliseconds. The first is no longer than a person likes to be told. */
const LIMITS_MS: readonly number[] = [2 * MINUTE_MS, 10 * MINUTE_MS, 60 * MINUTE_MS, 360 * MINUTE_MS];

/** The limits of one job's Run. */
export class TakenLimits {
  /** How many have passed, since something was taken quickly. */
  #misses = 0;

  /** For what is requested now; undefined: it may take for ever. */
  get currentMs(): number | undefined {
    return LIMITS_MS[this.#misses];
  }

  /** @param afterMs from the request to its end: it can't have waited for longer */
  noteTaken(afterMs: number): void {
    if (afterMs < LIMITS_MS[0]!) this.#misses = 0;
  }

  /** @param withinMs what its limit was */
  noteNotTaken(withinMs: number): void {
    if (withinMs === this.currentMs) this.#misses += 1;
  }
}
