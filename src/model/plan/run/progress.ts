/** How far a plan has come, for a later run of it, and its result. Plain JSON. */
import type { Json, JsonObject } from '../../canonical-json.ts';
import { HoldfastError } from '../../failure.ts';
import type { PlanGraph } from '../graph/graph.ts';
import { defined } from '../../defined.ts';
import { planStepOf } from '../../item-id.ts';
import { isList, someOf } from '../../list.ts';
import { isApart } from '../plan-step.ts';
import type { Plan, PlanStep } from '../plan.ts';
import { DoneItems, type DoneItem } from './done-items.ts';
import { DoneSteps } from './done-steps.ts';

export interface DoneStep {
  readonly id: string;
  readonly output: Json;
  readonly superStep: number;
  /** Of how many items, each a step of its own, its output is the list. Absent: it is none. */
  readonly items?: number;
  /** Of how many rounds its output is the list, and not the output itself. Absent: it has no `until`. */
  readonly rounds?: number;
  /** It was skipped, and its output is null. */
  readonly skipped?: true;
}

/** What a later `runPlan` of the same plan needs to go on from here. */
export interface PlanProgress {
  readonly schemaVersion: 1;
  /** In the order of super-steps, within one in plan order. */
  readonly done: readonly DoneStep[];
  /** Items of lists, and rounds, whose steps are not done. */
  readonly items?: readonly DoneItem[];
  /**
   * More steps that are done, and lists (`each#`) of which items are: their outputs are too large to carry, so a later
   * run has them from the record.
   */
  readonly leftOut?: readonly string[];
  /** How many results that are. Absent: one each. */
  readonly leftOutResults?: number;
  /** Each of them has at least so many bytes, as JSON. Absent: nobody has looked. */
  readonly leftOutAtLeastBytes?: number;
}

interface AdoptedProgress {
  readonly done: DoneSteps;
  readonly items: DoneItems;
}

/** What a job that ran a plan returns. */
export interface PlanResult {
  /** The plan's state in the end: key → value. */
  readonly state: JsonObject;
  /** By step id, in plan order. */
  readonly outputs: JsonObject;
  /** Steps that were skipped; their outputs are null. Absent: none was. */
  readonly skipped?: readonly string[];
  /** Steps whose outputs are too large for one result; they are in the record (`holdfast log`). */
  readonly outputsLeftOut?: readonly string[];
}

export function progressOf(graph: PlanGraph, steps: DoneSteps, items: DoneItems): PlanProgress {
  const done = graph.superSteps.flatMap((ids, superStep) =>
    ids.flatMap((id) => (steps.has(id) ? [doneStep(graph.steps.get(id)!, steps, superStep)] : [])),
  );
  const ofLists = [...graph.steps.keys()].flatMap((id) => items.list(id));
  return { schemaVersion: 1, done, ...defined({ items: someOf(ofLists) }) };
}

function doneStep({ id, forEach }: PlanStep, steps: DoneSteps, superStep: number): DoneStep {
  const output = steps.outputs.get(id)!;
  if (steps.skipped.has(id)) return { id, output, superStep, skipped: true };
  const rounds = steps.roundsOf(id);
  if (rounds !== undefined) return { id, output: rounds, superStep, rounds: rounds.length };
  const isOfItems = forEach?.within === 'workflow' && isList(output);
  return { id, output, superStep, ...defined({ items: isOfItems ? output.length : undefined }) };
}

/** How many results it holds, or leaves to the record: a step's is one, and so is an item's, or a round's. */
export function resultsOf({ done, items = [], leftOut = [], leftOutResults = leftOut.length }: PlanProgress): number {
  return done.reduce((sum, one) => sum + (one.items ?? one.rounds ?? 1), 0) + items.length + leftOutResults;
}

/** What to go on from. @throws HoldfastError `bad-input` for progress that does not belong to the plan */
export function adoptProgress(plan: Plan, graph: PlanGraph, from: PlanProgress): AdoptedProgress {
  const steps = new DoneSteps();
  for (const one of from.done) {
    if (!graph.steps.has(one.id))
      throw foreign(`it holds the result of "${one.id}", which the plan "${plan.name}" does not have`);
    adopt(steps, one);
  }
  const items = from.items ?? [];
  const ofNone = items.find(({ id }) => !hasParts(graph.steps.get(planStepOf(id))));
  if (ofNone !== undefined)
    throw foreign(`it holds the result of "${ofNone.id}", and the plan "${plan.name}" has no such list`);
  const omitted = new Set(from.leftOut?.map(planStepOf));
  for (const id of steps.outputs.keys()) {
    const gap = graph.sourcesOf.get(id)!.find((source) => !steps.has(source) && !omitted.has(source));
    if (gap !== undefined)
      throw foreign(`it holds the result of "${id}" but not that of "${gap}", which "${id}" depends on`);
  }
  return { done: steps, items: new DoneItems(items) };
}

function adopt(steps: DoneSteps, { id, output, rounds, skipped }: DoneStep): void {
  if (skipped === true) steps.skip(id);
  else if (rounds !== undefined && isList(output)) steps.setRounds(id, output);
  else steps.set(id, output);
}

function hasParts(step: PlanStep | undefined): boolean {
  return step !== undefined && isApart(step);
}

function foreign(reason: string): HoldfastError {
  return new HoldfastError('bad-input', `The carried progress does not belong to this plan: ${reason}.`);
}
