/** Runs the plan of lists in processes that are killed, as `SubStepKills` does with the step of sub-steps. */
import assert from 'node:assert/strict';
import { answerOf, startChild } from './child-process.ts';
import { carryOut, type ForEachOrder } from './for-each-child.ts';
import { linesOf } from './killing.ts';
import type { SubStepEnd } from './sub-step-child.ts';
import { lookAt, SubStepKills, type SubStepRun } from './sub-step-kills.ts';

const CHILD = new URL('./for-each-child.ts', import.meta.url).pathname;
const MAX_PROCESSES = 150;

export class ForEachKills implements Disposable {
  readonly #places = new SubStepKills();
  readonly #more: Pick<ForEachOrder, 'within' | 'url'>;

  constructor(more: Pick<ForEachOrder, 'within' | 'url'>) {
    this.#more = more;
  }

  [Symbol.dispose](): void {
    this.#places[Symbol.dispose]();
  }

  /** Until a process ends by itself. Who is not to be killed is this one. */
  async untilItEnds(name: string, killing: Partial<ForEachOrder>, databaseUrl?: string): Promise<SubStepRun> {
    const order: ForEachOrder = { ...this.#places.place(name, killing, databaseUrl), ...this.#more };
    const mayBeKilled = (): boolean => {
      const over = linesOf(order.killed!).length;
      return order.killOnceAt !== undefined || (order.kill !== undefined && over === 0);
    };
    for (let processes = 1; ; processes++) {
      assert.ok(processes <= MAX_PROCESSES, `it did not end within ${MAX_PROCESSES} processes`);
      const end = mayBeKilled()
        ? await answerOf<SubStepEnd>(startChild({ script: CHILD, role: 'for-each', order }))
        : await carryOut(order);
      if (end !== undefined) return await lookAt(order, end);
    }
  }
}
