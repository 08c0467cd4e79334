/**
 * Which step waits for which, and what runs together.
 *
 * Invariants
 * 1. A step waits for its `needs` and for every step whose output it refers to.
 * 2. A step's super-step is fixed by the plan: one more than the highest of those that it waits for. Steps of one
 *    super-step run at once, with a barrier after them. When steps run again, they do so in their own super-steps, so
 *    that two steps meet only where they would in an undisturbed run.
 * 3. State flows along super-steps: a step that reads a state key also depends on the steps of earlier super-steps that
 *    write it. That changes no super-step, but it does decide what becomes void when a step runs again.
 */
import type { Json } from '../../canonical-json.ts';
import { HoldfastError } from '../../failure.ts';
import type { Plan, PlanStep } from '../plan.ts';
import { referencesOf, type PlacedReference } from '../reference/references.ts';
import { reach, findCycle, levels } from './edges.ts';

export interface PlanGraph {
  /** In plan order. */
  readonly steps: ReadonlyMap<string, PlanStep>;
  /** The super-steps in order, each in plan order. */
  readonly superSteps: readonly (readonly string[])[];
  readonly superStepOf: ReadonlyMap<string, number>;
  /** Whose results a step depends on directly: needs, references, state. In plan order. */
  readonly sourcesOf: ReadonlyMap<string, readonly string[]>;
  /** The inverse of `sourcesOf`. */
  readonly usersOf: ReadonlyMap<string, readonly string[]>;
}

/**
 * The graph of a plan. Pure; linear but for state keys with many writers and readers.
 * @throws HoldfastError `bad-plan` for a duplicate id, an unknown step or a cycle
 */
export function planGraph(plan: Plan): PlanGraph {
  const steps = new Map(plan.steps.map((step) => [step.id, step]));
  if (steps.size !== plan.steps.length) throw new HoldfastError('bad-plan', 'Two steps of the plan have the same id.');
  const waitsFor = new Map(plan.steps.map((step) => [step.id, directNeeds(step)]));
  for (const [id, needs] of waitsFor) {
    const unknown = needs.find((need) => !steps.has(need));
    if (unknown !== undefined)
      throw new HoldfastError('bad-plan', `Step "${id}" needs "${unknown}", which the plan does not have.`);
  }
  const cycle = findCycle(waitsFor);
  if (cycle !== undefined)
    throw new HoldfastError('bad-plan', `Steps wait for each other: ${cycle.join(' → ')}.`, { cycle });

  const superStepOf = levels(waitsFor);
  const superSteps: string[][] = [];
  for (const id of steps.keys()) (superSteps[superStepOf.get(id)!] ??= []).push(id);
  const sourcesOf = addStateSources(plan, waitsFor, superStepOf);
  const usersOf = new Map<string, string[]>(plan.steps.map((step) => [step.id, []]));
  for (const [id, sources] of sourcesOf) for (const source of sources) usersOf.get(source)!.push(id);
  return { steps, superSteps, superStepOf, sourcesOf, usersOf };
}

/**
 * The steps to run next, in plan order: what is not done of the earliest super-step that is not done. Empty: all is
 * done.
 */
export function nextSuperStep(
  graph: PlanGraph,
  done: ReadonlySet<string> | ReadonlyMap<string, unknown>,
): readonly string[] {
  for (const superStep of graph.superSteps) {
    const pending = superStep.filter((id) => !done.has(id));
    if (pending.length > 0) return pending;
  }
  return [];
}

/** Every step that depends on one of these, through any number of others, in plan order; the given ones aside. */
export function dependentsOf(graph: PlanGraph, ids: readonly string[]): readonly string[] {
  const reached = reach(graph.usersOf, ids);
  return [...graph.steps.keys()].filter((id) => reached.has(id) && !ids.includes(id));
}

/** The steps that may be skipped: by their own condition, or because one that they need may be. */
export function skippableSteps({ steps, superSteps }: PlanGraph): ReadonlySet<string> {
  const skippable = new Set<string>();
  for (const id of superSteps.flat()) {
    const step = steps.get(id)!;
    const follows = step.onSkipped !== 'run' && directNeeds(step).some((need) => skippable.has(need));
    if (step.when !== undefined || follows) skippable.add(id);
  }
  return skippable;
}

/** Ids that a step waits for: declared and implied by references; each once. */
export function directNeeds(step: PlanStep): readonly string[] {
  const implied = referencesOfStep(step).flatMap(({ reference }) =>
    reference.root === 'steps' ? [reference.stepId] : [],
  );
  return [...new Set([...step.needs, ...implied])];
}

/** Wherever in the step they stand. */
export function referencesOfStep(step: PlanStep): readonly PlacedReference[] {
  const { forEach, when = [], until = [] } = step;
  const given: readonly Json[] = [forEach?.items ?? [], step.with, when as Json, until as Json];
  return [...given, step.workspace ?? []].flatMap((part) => referencesOf(part));
}

function addStateSources(
  plan: Plan,
  waitsFor: ReadonlyMap<string, readonly string[]>,
  superStepOf: ReadonlyMap<string, number>,
): ReadonlyMap<string, readonly string[]> {
  const place = new Map(plan.steps.map((step, index) => [step.id, index]));
  const writers = new Map<string, string[]>();
  for (const step of plan.steps)
    for (const key of Object.keys(step.state)) writers.set(key, [...(writers.get(key) ?? []), step.id]);
  return new Map(
    plan.steps.map((step) => {
      const own = superStepOf.get(step.id)!;
      const throughState = stateKeysRead(step).flatMap((key) =>
        (writers.get(key) ?? []).filter((writer) => superStepOf.get(writer)! < own),
      );
      return [
        step.id,
        [...new Set([...waitsFor.get(step.id)!, ...throughState])].sort((a, b) => place.get(a)! - place.get(b)!),
      ];
    }),
  );
}

/** State keys that a step's input refers to, each once. */
export function stateKeysRead(step: PlanStep): readonly string[] {
  return [
    ...new Set(referencesOfStep(step).flatMap(({ reference }) => (reference.root === 'state' ? [reference.name] : []))),
  ];
}
