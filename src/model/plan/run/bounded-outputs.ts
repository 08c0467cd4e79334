/**
 * Progress and results within a payload's bounds: the largest outputs are omitted, so that as few steps as may be are
 * requested again, and never a `wait`, whose output is next to nothing. Pure.
 */
import { jsonBytes, type Json } from '../../canonical-json.ts';
import { defined } from '../../defined.ts';
import { itemIdOf } from '../../item-id.ts';
import { someOf } from '../../list.ts';
import type { DoneStep, PlanProgress, PlanResult } from './progress.ts';

interface StepOutput {
  readonly id: string;
  readonly output: Json;
}

/** The progress with at most so many bytes of outputs. */
export function boundedProgress(progress: PlanProgress, maxBytes: number): PlanProgress {
  const { done, items = [] } = progress;
  const fitting = fittingOutputs([...done, ...items], maxBytes);
  if (fitting.size === done.length + items.length) return progress;
  const isLeftOut = ({ id }: StepOutput): boolean => !fitting.has(id);
  return {
    ...progress,
    done: done.filter(({ id }) => fitting.has(id)),
    ...defined({ items: someOf(items.filter(({ id }) => fitting.has(id))) }),
    leftOut: [...done.filter(isLeftOut).flatMap(requestedFor), ...items.filter(isLeftOut).map(({ id }) => id)],
  };
}

/** The ids under which a later run requests it of the record. */
function requestedFor({ id, items, rounds }: DoneStep): readonly string[] {
  if (rounds !== undefined) return Array.from({ length: rounds }, (_, place) => itemIdOf(id, place + 1));
  return items === undefined ? [id] : Array.from({ length: items }, (_, place) => itemIdOf(id, place));
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
  const sizes = outputs.map(({ id, output }) => ({ id, sizeBytes: jsonBytes(output) + id.length }));
  const fitting = new Set<string>();
  let sum = 0;
  for (const { id, sizeBytes } of sizes.toSorted((a, b) => a.sizeBytes - b.sizeBytes)) {
    sum += sizeBytes;
    if (sum > maxBytes) break;
    fitting.add(id);
  }
  return fitting;
}
