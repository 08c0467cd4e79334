/** Steps that failed and resume by themselves: for people, who see each failure. The ledger counts them. */
import { MAX_RESUMED_SHOWN, type Resumed } from '../../model/job/status.ts';

export class ResumedSteps {
  readonly #resumed: Resumed[] = [];

  /** The latest. Undefined: none has. */
  get all(): Resumed[] | undefined {
    return this.#resumed.length === 0 ? undefined : [...this.#resumed];
  }

  add(resumed: Resumed): void {
    this.#resumed.push(resumed);
    if (this.#resumed.length > MAX_RESUMED_SHOWN) this.#resumed.shift();
  }

  /** The step is tried again now. */
  noteResumed(stepId: string): void {
    const place = this.#resumed.findLastIndex((one) => one.stepId === stepId);
    if (place >= 0) this.#resumed[place] = { ...this.#resumed[place]!, resumesAt: null };
  }
}
