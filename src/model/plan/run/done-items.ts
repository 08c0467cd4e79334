/**
 * The items of lists within the workflow, and the rounds of steps with `until`, that are done while their step is not:
 * kept until it is, so that none of them is requested again when the job goes on in a new Run, or when another one runs
 * again.
 */
import type { Json } from '../../canonical-json.ts';
import { itemIdOf, itemPlaceOf, planStepOf } from '../../item-id.ts';
import { isList } from '../../list.ts';

export interface DoneItem {
  /** Of the item: `convert#3`. */
  readonly id: string;
  readonly output: Json;
}

export class DoneItems {
  readonly #outputs = new Map<string, Map<number, Json>>();

  constructor(items: readonly DoneItem[] = []) {
    for (const { id, output } of items) this.add(planStepOf(id), itemPlaceOf(id)!, output);
  }

  /** By place in the list. */
  of(stepId: string): ReadonlyMap<number, Json> {
    return this.#outputs.get(stepId) ?? new Map<number, Json>();
  }

  add(stepId: string, place: number, output: Json): void {
    const outputs = this.#outputs.get(stepId) ?? new Map<number, Json>();
    outputs.set(place, output);
    this.#outputs.set(stepId, outputs);
  }

  /** The list is done, or void as a whole. */
  drop(stepId: string): void {
    this.#outputs.delete(stepId);
  }

  /** One item is void. @param list what the step has returned, where it was done: its other items are kept */
  voidItem(stepId: string, place: number, list: Json | undefined): void {
    if (list !== undefined && isList(list))
      for (const [other, output] of list.entries()) this.add(stepId, other, output);
    this.#outputs.get(stepId)?.delete(place);
  }

  /** A round is void, and with it those after it. @param rounds of the step, where it was done */
  voidFrom(stepId: string, round: number, rounds: readonly Json[] | undefined): void {
    for (const [place, output] of rounds?.entries() ?? []) this.add(stepId, place + 1, output);
    for (const number of this.of(stepId).keys()) if (number >= round) this.#outputs.get(stepId)?.delete(number);
  }

  /** Of a step, in the order of its list. */
  list(stepId: string): readonly DoneItem[] {
    const outputs = [...this.of(stepId)].toSorted(([one], [other]) => one - other);
    return outputs.map(([place, output]) => ({ id: itemIdOf(stepId, place), output }));
  }
}
