/** How far a plan has come, for a later run of it, and its result: both bounded in bytes. */
import { jsonBytes, type Json, type JsonObject } from '../canonical-json.ts';

/** What a later `runPlan` of the same plan needs to go on from here. Plain JSON. */
export interface PlanProgress {
  readonly schemaVersion: 1;
  /** In the order of super-steps, within one in plan order. */
  readonly done: readonly { readonly id: string; readonly output: Json; readonly superStep: number }[];
  /** Steps that are done as well, whose outputs were too large to carry: they are requested again, and answered from the record. */
  readonly leftOut?: readonly string[];
}

/**
 * The progress with at most so many bytes of outputs. The largest are left out, so that as few as may be are asked for
 * again, and never a `wait`, whose output is next to nothing. Pure.
 */
export function boundedProgress(progress: PlanProgress, maxBytes: number): PlanProgress {
  const kept = fitting(progress.done, maxBytes);
  if (kept.size === progress.done.length) return progress;
  return {
    ...progress,
    done: progress.done.filter(({ id }) => kept.has(id)),
    leftOut: progress.done.filter(({ id }) => !kept.has(id)).map(({ id }) => id),
  };
}

/** The smallest outputs that fit into so many bytes of UTF-8. */
function fitting(
  outputs: readonly { readonly id: string; readonly output: Json }[],
  maxBytes: number,
): ReadonlySet<string> {
  const sizes = outputs.map(({ id, output }) => ({ id, sizeBytes: jsonBytes(output) + id.length }));
  const kept = new Set<string>();
  let sum = 0;
  for (const { id, sizeBytes } of sizes.toSorted((a, b) => a.sizeBytes - b.sizeBytes)) {
    sum += sizeBytes;
    if (sum > maxBytes) break;
    kept.add(id);
  }
  return kept;
}

export interface PlanResult {
  readonly state: JsonObject;
  /** By step id, in plan order. */
  readonly outputs: JsonObject;
  /** Steps whose outputs are too large for one result; they are in the record (`holdfast log`). */
  readonly outputsLeftOut?: readonly string[];
}

/** The result with at most so many bytes of outputs; the largest are left out. Pure. */
export function boundedResult(result: PlanResult, maxBytes: number): PlanResult {
  const outputs = Object.entries(result.outputs).map(([id, output]) => ({ id, output }));
  const kept = fitting(outputs, maxBytes);
  if (kept.size === outputs.length) return result;
  return {
    ...result,
    outputs: Object.fromEntries(outputs.flatMap(({ id, output }) => (kept.has(id) ? [[id, output]] : []))),
    outputsLeftOut: outputs.filter(({ id }) => !kept.has(id)).map(({ id }) => id),
  };
}
