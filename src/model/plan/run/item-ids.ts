/** Ids of the items of a `forEach` that are steps of their own. Pure. */
import type { Json } from '../../canonical-json.ts';
import { isList } from '../../list.ts';
import type { PlanStep } from '../plan.ts';

/** Between a step's id and an item's place; no id of a plan has it. */
const ITEM_MARK = '#';

export function itemIdOf(stepId: string, index: number): string {
  return `${stepId}${ITEM_MARK}${index}`;
}

/** The plan's step that an id belongs to: itself, or the one whose item it is. */
export function planStepOf(id: string): string {
  const place = id.indexOf(ITEM_MARK);
  return place === -1 ? id : id.slice(0, place);
}

/** The ids under which what a step did is recorded. @param output of the step, once it is done */
export function itemIdsOf({ id, forEach }: PlanStep, output: Json | undefined): readonly string[] {
  if (forEach?.within !== 'workflow' || output === undefined || !isList(output)) return [id];
  return output.map((_, index) => itemIdOf(id, index));
}
