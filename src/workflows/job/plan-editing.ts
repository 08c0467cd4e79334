/** What a plan's scheduler knows of a step that a person edits: whether it can be, and what runs again then. */
import type { JsonObject } from '../../model/canonical-json.ts';
import { everyItemOf } from '../../model/item-id.ts';
import type { Edit, EditedStep } from '../../model/job/edit.ts';
import { nearestName } from '../../model/nearest-name.ts';
import { isKnownConflict } from '../../model/plan/check/parallel-state.ts';
import {
  dependentsOf,
  nextSuperStep,
  referencesOfStep,
  stateKeysRead,
  type PlanGraph,
} from '../../model/plan/graph/graph.ts';
import type { Plan, PlanStep } from '../../model/plan/plan.ts';
import type { PlanProgress } from '../../model/plan/run/progress.ts';
import type { PlanLook } from '../../model/plan/run/plan-job.ts';
import { waitStep } from '../../model/step/built-in/wait.ts';
import type { Editable, Tried } from '../gate/editing.ts';

const MAX_STEPS_NAMED = 20;

/** What is done before the scheduler begins: what the record answers for, up to a super-step that has ended. */
interface DoneBefore extends Pick<PlanProgress, 'leftOut'> {
  readonly superStep?: number | undefined;
}

export class PlanEditing implements Editable {
  readonly #plan: Plan;
  readonly #graph: PlanGraph;
  readonly #doneBefore: ReadonlySet<string>;
  readonly #lastSuperStep: number;
  /** Of the scheduler, once it has begun. */
  look: PlanLook | undefined;

  constructor(plan: Plan, graph: PlanGraph, { leftOut = [], superStep = -1 }: DoneBefore = {}) {
    this.#plan = plan;
    this.#graph = graph;
    this.#doneBefore = new Set(leftOut);
    this.#lastSuperStep = superStep;
  }

  editedStep({ asNode, values = {} }: Edit): EditedStep | { readonly problems: readonly string[] } {
    const { steps } = this.#graph;
    const step = steps.get(asNode);
    if (step === undefined) return { problems: [this.#unknown(asNode)] };
    const problem = this.#tooEarly(step) ?? this.#noCode(step) ?? this.#conflict(step, Object.keys(values));
    if (problem !== undefined) return { problems: [problem] };
    return {
      step: step.use,
      readers: [...this.#readersOf(step, Object.keys(values))],
      ...(step.forEach !== undefined && step.forEach.outputs !== 'none' && { isList: true }),
      ...(!this.#isOutputUsed(step, values) && { isOutputUnused: true }),
    };
  }

  tried(stepId: string, { output = null, values }: Tried): JsonObject {
    const step = this.#graph.steps.get(stepId)!;
    // Of a step that keeps its output it is known what it writes only where the values say so.
    if (this.look === undefined || (values === undefined && Object.keys(step.state).length === 0)) return {};
    const putIn = { output, ...(values !== undefined && { values }) };
    const after = this.look.trial(stepId, putIn);
    const written = new Set(Object.keys(values ?? step.state));
    return Object.fromEntries(Object.entries(after).filter(([channel]) => written.has(channel)));
  }

  #isDone(stepId: string): boolean {
    return this.look?.isDone(stepId) ?? this.#wasDone(stepId);
  }

  /** The record knows no `wait`. */
  #wasDone(stepId: string): boolean {
    const { steps, superStepOf } = this.#graph;
    if (steps.get(stepId)!.use === waitStep.name) return superStepOf.get(stepId)! <= this.#lastSuperStep;
    return this.#doneBefore.has(stepId) || this.#doneBefore.has(everyItemOf(stepId));
  }

  #unknown(asNode: string): string {
    const ids = [...this.#graph.steps.keys()];
    const near = nearestName(asNode, ids);
    const hint = near === undefined ? '' : ` Did you mean "${near}"?`;
    const known = ids.slice(0, MAX_STEPS_NAMED).join(', ');
    return `the plan "${this.#plan.name}" has no step "${asNode}"; expected one of ${known}.${hint}`;
  }

  #tooEarly({ id }: PlanStep): string | undefined {
    const { superSteps, superStepOf, sourcesOf } = this.#graph;
    const [next] = nextSuperStep(this.#graph, new Set(superSteps.flat().filter((one) => this.#isDone(one))));
    const current = next === undefined ? superSteps.length : superStepOf.get(next)!;
    if (superStepOf.get(id)! <= current) return undefined;
    const waitsFor = sourcesOf.get(id)!.filter((source) => !this.#isDone(source));
    return `step "${id}" is not next yet: it waits for ${(waitsFor.length === 0 ? [next] : waitsFor).join(', ')}`;
  }

  #noCode({ id, use }: PlanStep): string | undefined {
    return use === waitStep.name
      ? `step "${id}" waits for a time and returns nothing; go back before it with \`holdfast rewind\``
      : undefined;
  }

  /** Of two that run at the same time one value would be lost. */
  #conflict({ id }: PlanStep, channels: readonly string[]): string | undefined {
    const { superStepOf, steps } = this.#graph;
    for (const [other, { state }] of steps) {
      if (other === id || superStepOf.get(other) !== superStepOf.get(id)) continue;
      const channel = channels.find((one) => Object.hasOwn(state, one) && isKnownConflict(this.#plan.state[one]!));
      if (channel !== undefined)
        return `state "${channel}" is written by step "${other}", too, which runs at the same time as "${id}"`;
    }
    return undefined;
  }

  /** What depends on it, and what reads what it writes now, with all that depends on that. */
  #readersOf({ id }: PlanStep, channels: readonly string[]): readonly string[] {
    const { superStepOf, steps } = this.#graph;
    const reading = [...steps.values()].filter(
      (step) =>
        superStepOf.get(step.id)! > superStepOf.get(id)! && stateKeysRead(step).some((key) => channels.includes(key)),
    );
    const from = [id, ...reading.map((step) => step.id)];
    return [...from.slice(1), ...dependentsOf(this.#graph, from)];
  }

  /** Does another step take it, or what it writes to the state? */
  #isOutputUsed({ id, state }: PlanStep, values: JsonObject): boolean {
    if (Object.keys(values).length === 0 && Object.keys(state).length > 0) return true;
    return [...this.#graph.steps.values()].some((step) =>
      referencesOfStep(step).some(({ reference }) => reference.root === 'steps' && reference.stepId === id),
    );
  }
}
