/** How far a plan has come, for a later run of it, and its result. Plain JSON. */
import type { Json, JsonObject } from '../../canonical-json.ts';
import { HoldfastError } from '../../failure.ts';
import type { PlanGraph } from '../graph/graph.ts';
import type { Plan } from '../plan.ts';

/** What a later `runPlan` of the same plan needs to go on from here. */
export interface PlanProgress {
  readonly schemaVersion: 1;
  /** In the order of super-steps, within one in plan order. */
  readonly done: readonly { readonly id: string; readonly output: Json; readonly superStep: number }[];
  /** More steps that are done: their outputs are too large to carry, so a later run requests them of the record. */
  readonly leftOut?: readonly string[];
}

/** What a job that ran a plan returns. */
export interface PlanResult {
  /** The plan's state in the end: key → value. */
  readonly state: JsonObject;
  /** By step id, in plan order. */
  readonly outputs: JsonObject;
  /** Steps whose outputs are too large for one result; they are in the record (`holdfast log`). */
  readonly outputsLeftOut?: readonly string[];
}

export function progressOf(graph: PlanGraph, outputs: ReadonlyMap<string, Json>): PlanProgress {
  const done = graph.superSteps.flatMap((ids, superStep) =>
    ids.flatMap((id) => (outputs.has(id) ? [{ id, output: outputs.get(id)!, superStep }] : [])),
  );
  return { schemaVersion: 1, done };
}

/** The outputs to go on from. @throws HoldfastError `bad-input` for progress that does not belong to the plan */
export function adoptProgress(plan: Plan, graph: PlanGraph, from: PlanProgress): Map<string, Json> {
  const outputs = new Map<string, Json>();
  for (const { id, output } of from.done) {
    if (!graph.steps.has(id))
      throw foreign(`it holds the result of "${id}", which the plan "${plan.name}" does not have`);
    outputs.set(id, output);
  }
  const omitted = new Set(from.leftOut);
  for (const id of outputs.keys()) {
    const gap = graph.sourcesOf.get(id)!.find((source) => !outputs.has(source) && !omitted.has(source));
    if (gap !== undefined)
      throw foreign(`it holds the result of "${id}" but not that of "${gap}", which "${id}" depends on`);
  }
  return outputs;
}

function foreign(reason: string): HoldfastError {
  return new HoldfastError('bad-input', `The carried progress does not belong to this plan: ${reason}.`);
}
