/** The points that a worker process of a crash test passes, counted by step, and what happens at one of them. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { appendFileSync } from 'node:fs';
import { OF_WORKER } from '../no-step.ts';
import type { ChildOrder, OrderedFault, Trace } from './order.ts';

export class Points {
  readonly #order: ChildOrder;
  #faults: readonly OrderedFault[] = [];
  readonly #step = new AsyncLocalStorage<string>();
  readonly #passed = new Map<string, number>();

  constructor(order: ChildOrder) {
    this.#order = order;
  }

  /** From here on the first of them that is met ends the process, or stops it. */
  arm(faults: readonly OrderedFault[]): void {
    this.#faults = faults;
  }

  /** What `work` passes is passed in `step`. */
  within<T>(step: string, work: () => T): T {
    return this.#step.run(step, work);
  }

  get step(): string {
    return this.#step.getStore() ?? OF_WORKER;
  }

  passed(point: string): void {
    const { step } = this;
    if (this.#order.tellsPoints) this.trace({ kind: 'point', step, point });
    if (this.#faults.length === 0) return;
    const name = `${step}/${point}`;
    const hit = (this.#passed.get(name) ?? 0) + 1;
    this.#passed.set(name, hit);
    const fault = this.#faults.find((one) => one.step === step && one.point === point && one.hit === hit);
    if (fault === undefined) return;
    this.trace({ kind: 'fault', step, point, hit });
    process.kill(process.pid, fault.how === 'kill' ? 'SIGKILL' : 'SIGSTOP');
  }

  /** Written at once: what a process has done is known when it has been killed. */
  trace(trace: Trace): void {
    originalAppend(this.#order.traces, `${JSON.stringify(trace)}\n`);
  }
}

/** As it was before anything of it was replaced. */
const originalAppend = appendFileSync;
