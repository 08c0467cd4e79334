/**
 * What was written to a state since somebody last took it, for what keeps checkpoints.
 *
 * Invariant: the values that it was last taken at, or the initial ones where `isAnew`, and its writes in order give the
 * values of now.
 */
import type { StateWrite } from './state-write.ts';

export interface TakenWrites {
  /** Do they begin at the initial values, as the state was computed anew? Else where the last ones ended. */
  readonly isAnew: boolean;
  /** In the order in which they joined the state. */
  readonly writes: readonly StateWrite[];
}

export class StateWrites {
  #writes: StateWrite[] = [];
  #isAnew = true;

  add(writes: readonly StateWrite[]): void {
    for (const write of writes) this.#writes.push(write);
  }

  /** The state begins again from its initial values. */
  restart(): void {
    this.#writes = [];
    this.#isAnew = true;
  }

  /** What `take` would give. */
  get untaken(): TakenWrites {
    return { isAnew: this.#isAnew, writes: this.#writes };
  }

  /** What was written since this was called last. */
  take(): TakenWrites {
    const taken = { isAnew: this.#isAnew, writes: this.#writes };
    this.#writes = [];
    this.#isAnew = false;
    return taken;
  }
}
