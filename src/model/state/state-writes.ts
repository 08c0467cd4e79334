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
  /** Channel → where the last write with a result of its own reducer is. */
  readonly #resultAt = new Map<string, number>();
  #isAnew = true;

  add(writes: readonly StateWrite[]): void {
    for (const write of writes) {
      if (write.result !== undefined) this.#dropEarlierResult(write.channel);
      this.#writes.push(write);
    }
  }

  /** The state begins again from its initial values. */
  restart(): void {
    this.#writes = [];
    this.#resultAt.clear();
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
    this.#resultAt.clear();
    this.#isAnew = false;
    return taken;
  }

  /** What a reducer of one's own made is the whole of a channel: of many the last one alone is held. */
  #dropEarlierResult(channel: string): void {
    const earlier = this.#resultAt.get(channel);
    if (earlier !== undefined) {
      const { result: _, ...write } = this.#writes[earlier]!;
      this.#writes[earlier] = write;
    }
    this.#resultAt.set(channel, this.#writes.length);
  }
}
