/**
 * One holder at a time within this process, first come first served, with a bound on waiting.
 */
import { HoldfastError } from '../../model/failure.ts';

export class AsyncMutex {
  readonly #what: string;
  #isHeld = false;
  readonly #waiting: (() => void)[] = [];

  constructor(what: string) {
    this.#what = what;
  }

  /** @returns the function that lets go; calling it again does nothing. @throws HoldfastError `busy` after `timeoutMs`. */
  async acquire(timeoutMs: number): Promise<() => void> {
    if (this.#isHeld) await this.#wait(timeoutMs);
    this.#isHeld = true;
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      const next = this.#waiting.shift();
      // Handed over without being free in between, so that nobody overtakes those who wait.
      if (next === undefined) this.#isHeld = false;
      else next();
    };
  }

  #wait(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const admit = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(admit), 1);
        reject(
          new HoldfastError(
            'busy',
            `Waited ${timeoutMs} ms for ${this.#what}, which another task of this process holds.`,
          ),
        );
      }, timeoutMs);
      this.#waiting.push(admit);
    });
  }
}
