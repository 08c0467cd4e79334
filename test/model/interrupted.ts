/** What comes between while one operation of the real code runs. */
import { MOMENTS, type Act, type Interruption } from './running.ts';
import type { Resource, Value } from './state.ts';

/** What is interrupted. */
export interface Interruptible {
  copyAway(): void;
  /** All its processes end. */
  crash(): void;
  edit(res: Resource, value: Value): Promise<void>;
}

class CutOff extends Error {}

export class Interrupted {
  readonly hook: (point: string) => void | Promise<void>;
  /** With what wakes the attempt that stands still. */
  readonly stood: Promise<() => void>;
  #isCut = false;
  #isDone = false;
  readonly #interruption: Interruption | undefined;

  constructor(job: Interruptible, interruption: Interruption | undefined) {
    this.#interruption = interruption;
    const { promise, resolve } = Promise.withResolvers<() => void>();
    this.stood = promise;
    let count = 0;
    this.hook = (point) => {
      if (this.#isCut) throw new CutOff();
      if (!(MOMENTS as readonly string[]).includes(point)) return;
      const at = count++;
      if (at !== interruption?.at || this.#isDone) return;
      if (point !== interruption.moment) throw new Error(`moment ${at} is ${point}, not ${interruption.moment}`);
      this.#isDone = true;
      return this.#act(job, interruption.act, resolve);
    };
  }

  #act(job: Interruptible, act: Act, stand: (wake: () => void) => void): void | Promise<void> {
    switch (act.do) {
      case 'crash':
        job.crash();
        this.#isCut = true;
        throw new CutOff();
      case 'edit':
        return void job.edit(act.res, act.value);
      case 'lose':
      case 'move': {
        if (act.do === 'move') job.copyAway();
        const { promise, resolve } = Promise.withResolvers<void>();
        stand(resolve);
        return promise;
      }
    }
  }

  async until(result: Promise<string>): Promise<string> {
    try {
      return await result;
    } catch (error) {
      if (this.#isCut) return 'crash';
      throw error;
    } finally {
      if (this.#isCut) await Promise.allSettled([result]);
    }
  }

  mustBeOver(): void {
    if (this.#interruption !== undefined && !this.#isDone)
      throw new Error(`moment ${this.#interruption.at}, ${this.#interruption.moment}, was not passed`);
  }
}
