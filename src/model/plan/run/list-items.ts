/** What the items of a `forEach` are given: the list is resolved and checked before any of them runs. */
import { jsonBytes, type Json } from '../../canonical-json.ts';
import { HoldfastError } from '../../failure.ts';
import { isList } from '../../list.ts';
import { MAX_INPUT_BYTES } from '../../step/payload-limits.ts';
import type { PlanStep } from '../plan.ts';
import { MAX_ITEMS_WITHIN_WORKFLOW, type ForEach } from '../plan-step.ts';
import { resolve, resolveInput, type ResolvedInput } from '../reference/resolve.ts';
import { resolved, scopeOf, type SuperStep } from './step-input.ts';
import { givenTo } from './sub-plan.ts';

/** Of what all items are given together; the rest of the payload is the name of the step and the like. */
const MAX_INPUTS_BYTES = MAX_INPUT_BYTES - 1_024;

/** @throws HoldfastError where the list, or what an item is given, can't be made */
export function itemsOf(step: PlanStep, forEach: ForEach, superStep: SuperStep): readonly ResolvedInput[] {
  const scope = scopeOf(step, superStep);
  return resolved(step, () => {
    const items = listFrom(resolve(forEach.items, scope), forEach);
    const given = items.map((item, index) => resolveItem(step, { ...scope, item, index }, index));
    if (forEach.within === 'activity') mustFit(given);
    return given;
  });
}

function listFrom(items: Json, { items: written, within }: ForEach): readonly Json[] {
  if (!isList(items))
    throw new HoldfastError(
      'bad-input',
      `forEach.items is no list: ${typeof written === 'string' ? `${written} is ` : ''}${kindText(items)}.`,
    );
  if (within === 'workflow' && items.length > MAX_ITEMS_WITHIN_WORKFLOW)
    throw new HoldfastError(
      'bad-input',
      `forEach within: workflow has ${items.length} items; at most ${MAX_ITEMS_WITHIN_WORKFLOW} are taken. ` +
        'Use within: activity, or one item for several of them.',
    );
  return items;
}

/** Which item it is, is said, too. */
function resolveItem(step: PlanStep, scope: Parameters<typeof resolveInput>[1], index: number): ResolvedInput {
  try {
    return resolveInput(givenTo(step), scope);
  } catch (cause) {
    if (!(cause instanceof HoldfastError)) throw cause;
    throw new HoldfastError(cause.type, `of item ${index}: ${cause.message}`, cause.details, { cause });
  }
}

function mustFit(items: readonly ResolvedInput[]): void {
  const sizeBytes = jsonBytes(items.map(({ input }) => input));
  if (sizeBytes <= MAX_INPUTS_BYTES) return;
  throw new HoldfastError(
    'too-large',
    `its ${items.length} items are given ${sizeBytes} bytes together; within an activity at most ${MAX_INPUTS_BYTES} ` +
      'are taken. Give each less (a path or an id in place of what it leads to), or let each be a step of its own: ' +
      `forEach: { …, within: workflow }, at most ${MAX_ITEMS_WITHIN_WORKFLOW} items.`,
    { sizeBytes },
  );
}

function kindText(value: Json): string {
  if (value === null) return 'null';
  if (typeof value !== 'object') return `${typeof value === 'string' ? 'text' : `a ${typeof value}`}`;
  const lists = Object.entries(value).flatMap(([name, member]) => (isList(member) ? [name] : []));
  const hint = lists.length === 0 ? '' : `; of its members ${lists.join(', ')} ${lists.length === 1 ? 'is' : 'are'}`;
  return `an object${hint}`;
}
