/** Waiters within the process, in the order in which they came. */

export interface WaitLimits {
  /** Milliseconds until the wait ends by itself. */
  readonly waitMs: number;
  /** Ends the wait with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** What a wait that ends by itself is rejected with. */
  readonly onTimeout: () => Error;
}

export class WaitQueue {
  readonly #waiting: (() => void)[] = [];

  /** Resolves when it is this waiter's turn. */
  wait({ waitMs, signal, onTimeout }: WaitLimits): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const leave = (error: Error): void => {
        this.#waiting.splice(this.#waiting.indexOf(start), 1);
        settle();
        reject(error);
      };
      const start = (): void => {
        settle();
        resolve();
      };
      const onAbort = (): void => leave(signal?.reason as Error);
      const timer = setTimeout(() => leave(onTimeout()), waitMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(start);
    });
  }

  /** Lets the first one go on. False: nobody waits. */
  startNext(): boolean {
    const start = this.#waiting.shift();
    start?.();
    return start !== undefined;
  }
}
