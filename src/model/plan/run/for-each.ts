/**
 * A step with `forEach`: once for each item of a list, within one Activity or as steps of their own.
 *
 * Invariants
 * 1. An item's place in the list names it: the list must be the same when the step is requested again.
 * 2. As steps of their own, all that were begun have ended before the step has.
 * 3. As steps of their own, an item that is done is not requested again while nothing that it was given is void.
 */
import type { Json } from '../../canonical-json.ts';
import { defined } from '../../defined.ts';
import { itemIdOf } from '../../item-id.ts';
import { forEachStep } from '../../step/built-in/for-each.ts';
import { ListOutput } from '../../step/list-output.ts';
import type { PlanStep } from '../plan.ts';
import type { ForEach } from '../plan-step.ts';
import type { ResolvedInput } from '../reference/resolve.ts';
import { requestFor, type SuperStep } from './step-input.ts';

/** `void`: the step, or an item of it, was rewound meanwhile. `paused`: the rest comes in a new Run. */
export type ForEachOutcome =
  | { readonly kind: 'done'; readonly output: Json }
  | { readonly kind: 'void' }
  | { readonly kind: 'paused' };

/** @throws what `job.step` rejects with */
export async function runForEach(
  step: PlanStep,
  forEach: ForEach,
  items: readonly ResolvedInput[],
  superStep: SuperStep,
): Promise<ForEachOutcome> {
  return forEach.within === 'activity'
    ? await asSubSteps(step, forEach, items, superStep)
    : await new Apart(step, forEach, items, superStep).run();
}

async function asSubSteps(
  step: PlanStep,
  { atOnce, within, outputs }: ForEach,
  items: readonly ResolvedInput[],
  superStep: SuperStep,
): Promise<ForEachOutcome> {
  const { approval, ...request } = requestFor(step, { input: null, secrets: [] }, superStep);
  const inputs = items.map(({ input }) => input);
  const input = { use: step.use, inputs, atOnce, ...defined({ approval }), ...(outputs === 'none' && { outputs }) };
  const total = items.length;
  superStep.job.onItems?.({ stepId: step.id, within, done: 0, total });
  const result = await superStep.job.step({ ...request, use: forEachStep.name, input });
  if (!('output' in result)) return { kind: 'void' };
  superStep.job.onItems?.({ stepId: step.id, within, done: total, total });
  return { kind: 'done', output: result.output };
}

/** The items as steps of their own. */
class Apart {
  readonly #step: PlanStep;
  readonly #forEach: ForEach;
  readonly #items: readonly ResolvedInput[];
  readonly #superStep: SuperStep;
  readonly #isParallel: boolean;
  readonly #list = new ListOutput();
  #next = 0;
  /** Why no further item is begun. */
  #isOver: 'void' | 'paused' | undefined;

  constructor(step: PlanStep, forEach: ForEach, items: readonly ResolvedInput[], superStep: SuperStep) {
    this.#step = step;
    this.#forEach = forEach;
    this.#items = items;
    this.#superStep = superStep;
    this.#isParallel = superStep.ids.length > 1 || (forEach.atOnce > 1 && items.length > 1);
  }

  async run(): Promise<ForEachOutcome> {
    this.#tell();
    for (const output of this.#superStep.items.of(this.#step.id).values()) this.#count(output);
    const lanes = Math.min(this.#forEach.atOnce, this.#items.length);
    const ended = await Promise.allSettled(Array.from({ length: lanes }, () => this.#inTurn()));
    const failed = ended.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    if (this.#isOver !== undefined) return { kind: this.#isOver };
    if (this.#isWithoutOutput) return { kind: 'done', output: null };
    const done = this.#superStep.items.of(this.#step.id);
    return { kind: 'done', output: this.#items.map((_, place) => done.get(place)!) };
  }

  async #inTurn(): Promise<void> {
    for (let place = this.#begin(); place !== undefined; place = this.#begin()) {
      try {
        await this.#runItem(place);
      } catch (error) {
        this.#isOver = 'void';
        throw error;
      }
    }
  }

  /** The next that is not done. Undefined: none is begun any more. */
  #begin(): number | undefined {
    const done = this.#superStep.items.of(this.#step.id);
    while (done.has(this.#next)) this.#next += 1;
    if (this.#isOver !== undefined || this.#next >= this.#items.length) return undefined;
    if (this.#superStep.isPausing()) {
      this.#isOver = 'paused';
      return undefined;
    }
    return this.#next++;
  }

  async #runItem(place: number): Promise<void> {
    const { job, items } = this.#superStep;
    const request = requestFor(this.#step, this.#items[place]!, this.#superStep);
    const id = itemIdOf(this.#step.id, place);
    const result = await job.step({ ...request, id, isParallel: this.#isParallel });
    if (!('output' in result)) {
      this.#isOver = 'void';
      return;
    }
    items.add(this.#step.id, place, result.output);
    this.#tell();
    this.#count(result.output);
  }

  get #isWithoutOutput(): boolean {
    return this.#forEach.outputs === 'none';
  }

  /** @throws HoldfastError `too-large` */
  #count(output: Json): void {
    if (!this.#isWithoutOutput) this.#list.add(output);
  }

  #tell(): void {
    const { job, items } = this.#superStep;
    const { id: stepId } = this.#step;
    const done = items.of(stepId).size;
    job.onItems?.({ stepId, within: this.#forEach.within, done, total: this.#items.length });
  }
}
