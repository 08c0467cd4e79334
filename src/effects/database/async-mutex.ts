/** One holder at a time within this process, first come first served, with a bound on waiting. */
import { HoldfastError } from '../../model/failure.ts';
import { WaitQueue } from '../../store/wait-queue.ts';

export class AsyncMutex {
  readonly #what: string;
  readonly #queue = new WaitQueue();
  #isHeld = false;

  /** @param what is held, for messages */
  constructor(what: string) {
    this.#what = what;
  }

  /**
   * @returns the function that lets go; calling it again does nothing.
   * @throws HoldfastError `busy` after `timeoutMs`
   */
  async acquire(timeoutMs: number): Promise<() => void> {
    if (this.#isHeld) await this.#queue.wait({ waitMs: timeoutMs, onTimeout: () => this.#busy(timeoutMs) });
    this.#isHeld = true;
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      // Handed over without being free in between, so that nobody overtakes those who wait.
      if (!this.#queue.startNext()) this.#isHeld = false;
    };
  }

  #busy(timeoutMs: number): HoldfastError {
    const held = `${this.#what}, which another task of this process holds`;
    return new HoldfastError('busy', `Waited ${timeoutMs} ms for ${held}.`);
  }
}
