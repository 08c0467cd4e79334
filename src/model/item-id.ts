/** Ids of the items of a plan's `forEach` that are steps of their own, and who uses them. Pure; the same for ever. */

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

/** The item's place in the list. Undefined: the id is no item's. */
export function itemPlaceOf(id: string): number | undefined {
  const place = id.indexOf(ITEM_MARK);
  return place === -1 ? undefined : Number(id.slice(place + 1));
}

/** All items of a step as one word: what uses them says the same, however many there are. */
export function everyItemOf(stepId: string): string {
  return `${stepId}${ITEM_MARK}`;
}

/** Is one of the steps among what is used, itself or as one of all items? */
export function usesOneOf(uses: readonly string[], stepIds: ReadonlySet<string>): boolean {
  return uses.some((used) => stepIds.has(used) || (used.endsWith(ITEM_MARK) && hasItemOf(stepIds, used)));
}

function hasItemOf(stepIds: ReadonlySet<string>, everyItem: string): boolean {
  for (const stepId of stepIds) if (stepId.startsWith(everyItem)) return true;
  return false;
}
