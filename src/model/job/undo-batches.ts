/**
 * What one Activity undoes of a list: sub-steps of one step that follow each other go together, as they were done in
 * one; whatever a Workflow has requested goes by itself. Pure.
 */
import { requestedStepOf, subStepDepth } from '../sub-step-id.ts';
import type { UndoItem } from './undo.ts';

/** At least one; of several each is a sub-step of the same step. */
export type UndoBatch = readonly [UndoItem, ...UndoItem[]];

/** In the order of the list. */
export function undoBatches(items: readonly UndoItem[]): readonly UndoBatch[] {
  const batches: [UndoItem, ...UndoItem[]][] = [];
  for (const item of items) {
    const last = batches.at(-1);
    if (last !== undefined && areTogether(last[0], item)) last.push(item);
    else batches.push([item]);
  }
  return batches;
}

function areTogether(one: UndoItem, other: UndoItem): boolean {
  if (subStepDepth(one.stepId) === 0 || subStepDepth(other.stepId) === 0) return false;
  return requestedStepOf(one.stepId) === requestedStepOf(other.stepId);
}
