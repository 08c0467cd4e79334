/**
 * Progress and results within a payload's bounds: the largest outputs are omitted, so that as few of them as may be
 * come from the record again, and never a `wait`, whose output is next to nothing. Pure.
 */
import { jsonBytes, type Json } from '../../canonical-json.ts';
import { defined } from '../../defined.ts';
import { everyItemOf, itemIdOf, itemPlaceOf, planStepOf } from '../../item-id.ts';
import { isList, someOf } from '../../list.ts';
import type { DoneStep, PlanProgress, PlanResult } from './progress.ts';

interface StepOutput {
  readonly id: string;
  readonly output: Json;
}

/** A step or an item as the record has it. */
export interface LeftOut {
  readonly id: string;
  readonly sizeBytes: number;
}

/** Around each item in the progress. */
const ITEM_FRAME_BYTES = 24;

/** The progress with at most so many bytes of outputs. */
export function boundedProgress(progress: PlanProgress, maxBytes: number): PlanProgress {
  const { fitting, leftOut } = split(progress, maxBytes);
  if (leftOut.length === 0) return progress;
  const { done, items = [] } = progress;
  return {
    schemaVersion: progress.schemaVersion,
    done: done.filter(({ id }) => fitting.has(id)),
    ...defined({ items: someOf(items.filter(({ id }) => fitting.has(id))) }),
    // A thousand items of a list as one word.
    leftOut: [...new Set(leftOut.map(({ id }) => (itemPlaceOf(id) === undefined ? id : everyItemOf(planStepOf(id)))))],
    leftOutResults: leftOut.length,
    leftOutAtLeastBytes: leftOut.reduce((least, { sizeBytes }) => Math.min(least, sizeBytes), maxBytes),
  };
}

/** What does not fit into so many bytes, under the ids that a later run has it by. */
export function leftOutOf(progress: PlanProgress, maxBytes: number): readonly LeftOut[] {
  return split(progress, maxBytes).leftOut;
}

interface Split {
  readonly fitting: ReadonlySet<string>;
  readonly leftOut: readonly LeftOut[];
}

function split({ done, items = [] }: PlanProgress, maxBytes: number): Split {
  const fitting = fittingOutputs([...done, ...items], maxBytes);
  const isLeftOut = ({ id }: StepOutput): boolean => !fitting.has(id);
  const leftOut = [...done.filter(isLeftOut).flatMap(recordedAs), ...items.filter(isLeftOut)];
  return { fitting, leftOut: leftOut.map(({ id, output }) => ({ id, sizeBytes: jsonBytes(output) })) };
}

/** Of a list each item, and of rounds each, has a record of its own; rounds are counted from 1. */
function recordedAs({ id, output, items, rounds }: DoneStep): readonly StepOutput[] {
  if ((items === undefined && rounds === undefined) || !isList(output)) return [{ id, output }];
  const first = rounds === undefined ? 0 : 1;
  return output.map((one, place) => ({ id: itemIdOf(id, place + first), output: one }));
}

/** The result with at most so many bytes of outputs. */
export function boundedResult(result: PlanResult, maxBytes: number): PlanResult {
  const outputs = Object.entries(result.outputs).map(([id, output]) => ({ id, output }));
  const fitting = fittingOutputs(outputs, maxBytes);
  if (fitting.size === outputs.length) return result;
  return {
    ...result,
    outputs: Object.fromEntries(outputs.flatMap(({ id, output }) => (fitting.has(id) ? [[id, output]] : []))),
    outputsLeftOut: outputs.filter(({ id }) => !fitting.has(id)).map(({ id }) => id),
  };
}

/** Ids of the smallest outputs that fit into so many bytes of UTF-8. */
function fittingOutputs(outputs: readonly StepOutput[], maxBytes: number): ReadonlySet<string> {
  const frameBytes = (id: string): number => id.length + (itemPlaceOf(id) === undefined ? 0 : ITEM_FRAME_BYTES);
  const sizes = outputs.map(({ id, output }) => ({ id, sizeBytes: jsonBytes(output) + frameBytes(id) }));
  const fitting = new Set<string>();
  let sum = 0;
  for (const { id, sizeBytes } of sizes.toSorted((a, b) => a.sizeBytes - b.sizeBytes)) {
    sum += sizeBytes;
    if (sum > maxBytes) break;
    fitting.add(id);
  }
  return fitting;
}
