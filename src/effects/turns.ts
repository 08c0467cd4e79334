/** Gives the main loop its turn in long synchronous work: heartbeats go on, however slow the disk is. */
const MAX_STRETCH_MS = 50;

export class Turns {
  #sinceMs = performance.now();

  /** Undefined: there is still time. Otherwise await it. */
  take(): Promise<void> | undefined {
    return performance.now() - this.#sinceMs < MAX_STRETCH_MS ? undefined : this.#pass();
  }

  async #pass(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#sinceMs = performance.now();
  }
}
