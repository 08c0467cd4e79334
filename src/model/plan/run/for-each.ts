/**
 * A step with `forEach`: once for each item of a list, within one Activity or as steps of their own.
 *
 * Invariants
 * 1. An item's place in the list names it: the list must be the same when the step is requested again.
 * 2. As steps of their own, all that were begun have ended before the step has.
 */
import type { Json } from '../../canonical-json.ts';
import { defined } from '../../defined.ts';
import { HoldfastError } from '../../failure.ts';
import { isList } from '../../list.ts';
import { forEachStep } from '../../step/built-in/for-each.ts';
import type { PlanStep } from '../plan.ts';
import { MAX_ITEMS_WITHIN_WORKFLOW, type ForEach } from '../plan-step.ts';
import { resolve, resolveInput, type ResolvedInput } from '../reference/resolve.ts';
import { itemIdOf } from './item-ids.ts';
import { requestFor, resolved, scopeOf, type SuperStep } from './step-input.ts';

/** `void`: the step, or an item of it, was rewound meanwhile. */
export type ForEachOutcome = { readonly kind: 'done'; readonly output: Json } | { readonly kind: 'void' };

/** @throws HoldfastError where the list, or what an item is given, can't be made */
export function itemsOf(step: PlanStep, forEach: ForEach, superStep: SuperStep): readonly ResolvedInput[] {
  const scope = scopeOf(step, superStep);
  return resolved(step, () => {
    const items = resolve(forEach.items, scope);
    if (!isList(items)) throw new HoldfastError('bad-input', `forEach.items is no list: ${typeof items}.`);
    if (forEach.within === 'workflow' && items.length > MAX_ITEMS_WITHIN_WORKFLOW)
      throw new HoldfastError(
        'bad-input',
        `forEach within: workflow has ${items.length} items; at most ${MAX_ITEMS_WITHIN_WORKFLOW} are taken. ` +
          'Use within: activity.',
      );
    return items.map((item, index) => resolveInput(step.with, { ...scope, item, index }));
  });
}

/** @throws what `job.step` rejects with */
export async function runForEach(
  step: PlanStep,
  forEach: ForEach,
  items: readonly ResolvedInput[],
  superStep: SuperStep,
): Promise<ForEachOutcome> {
  return forEach.within === 'activity'
    ? await asSubSteps(step, forEach, items, superStep)
    : await asSteps(step, forEach, items, superStep);
}

async function asSubSteps(
  step: PlanStep,
  { atOnce }: ForEach,
  items: readonly ResolvedInput[],
  superStep: SuperStep,
): Promise<ForEachOutcome> {
  const { approval, ...request } = requestFor(step, { input: null, secrets: [] }, superStep);
  const inputs = items.map(({ input }) => input);
  const input = { use: step.use, inputs, atOnce, ...defined({ approval }) };
  const result = await superStep.job.step({ ...request, use: forEachStep.name, input });
  return 'output' in result ? { kind: 'done', output: result.output } : { kind: 'void' };
}

async function asSteps(
  step: PlanStep,
  { atOnce }: ForEach,
  items: readonly ResolvedInput[],
  superStep: SuperStep,
): Promise<ForEachOutcome> {
  const outputs: Json[] = [];
  const isParallel = superStep.ids.length > 1 || (atOnce > 1 && items.length > 1);
  let next = 0;
  let isOver = false;
  const inTurn = async (): Promise<void> => {
    for (let index = next++; index < items.length && !isOver; index = next++) {
      const request = { ...requestFor(step, items[index]!, superStep), id: itemIdOf(step.id, index), isParallel };
      try {
        const result = await superStep.job.step(request);
        if ('output' in result) outputs[index] = result.output;
        else isOver = true;
      } catch (error) {
        isOver = true;
        throw error;
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: Math.min(atOnce, items.length) }, inTurn));
  const failed = ended.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return isOver ? { kind: 'void' } : { kind: 'done', output: outputs };
}
