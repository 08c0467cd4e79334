/**
 * How many steps are requested at once, and with how much input: what a Workflow Task may schedule has bounds at the
 * server (4 MB a message and a batch of history, 2,000 Activities that have not ended), and a Task beyond them fails
 * for ever.
 *
 * Invariants
 * 1. Who waits goes on in the order in which it came.
 * 2. One step is always let in, however large its input.
 * 3. A step that is let in at once waits for no promise.
 */
import { isPatched } from '../patches.ts';

const MAX_STEPS_AT_ONCE = 50;
const MAX_BYTES_AT_ONCE = 2_000_000;

interface Waiting {
  readonly sizeBytes: number;
  readonly letIn: () => void;
}

export class StepWindow {
  readonly #waiting: Waiting[] = [];
  #steps = 0;
  #sizeBytes = 0;

  /** Lets it in where nothing has to be waited for. False: it is not in, and nothing waits. */
  enterAtOnce(sizeBytes: number): boolean {
    if (this.#waiting.length > 0 || !this.#fits(sizeBytes)) return false;
    this.#take(sizeBytes);
    return true;
  }

  /** Undefined: it is in. Otherwise it is in once that is fulfilled. Every entry is followed by `leave`. */
  enter(sizeBytes: number): Promise<void> | undefined {
    if (this.enterAtOnce(sizeBytes)) return undefined;
    if (!isPatched('steps-in-a-window')) {
      this.#take(sizeBytes);
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push({ sizeBytes, letIn: resolve }));
  }

  leave(sizeBytes: number): void {
    this.#steps -= 1;
    this.#sizeBytes -= sizeBytes;
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.sizeBytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#take(next.sizeBytes);
      next.letIn();
    }
  }

  /** Is no step requested, and none waiting to be? */
  get isEmpty(): boolean {
    return this.#steps === 0 && this.#waiting.length === 0;
  }

  #fits(sizeBytes: number): boolean {
    if (this.#steps === 0) return true;
    return this.#steps < MAX_STEPS_AT_ONCE && this.#sizeBytes + sizeBytes <= MAX_BYTES_AT_ONCE;
  }

  #take(sizeBytes: number): void {
    this.#steps += 1;
    this.#sizeBytes += sizeBytes;
  }
}
