/**
 * What a step is given, and how it is requested.
 *
 * Invariant: a step sees the state of the super-steps before its own and nothing later, also when it runs again. So
 * every input is a pure function of plan, job input and the outputs of the steps before.
 */
import type { Json, JsonObject } from '../../canonical-json.ts';
import { defined } from '../../defined.ts';
import { HoldfastError } from '../../failure.ts';
import { builtInWrites } from '../../step/built-in/claims.ts';
import { parseClaim } from '../../step/claim.ts';
import type { PlanGraph } from '../graph/graph.ts';
import type { Plan, PlanStep } from '../plan.ts';
import type { Scope } from '../reference/reference.ts';
import { resolveInput, type ResolvedInput } from '../reference/resolve.ts';
import type { DoneItems } from './done-items.ts';
import type { PlanJob, PlanStepRequest } from './plan-job.ts';
import { recordedSourcesOf } from './recorded-sources.ts';
import { givenTo } from './sub-plan.ts';

/** The super-step that a step runs in. */
export interface SuperStep {
  readonly job: PlanJob;
  readonly plan: Plan;
  readonly graph: PlanGraph;
  readonly input: JsonObject;
  /** The state that its steps see. */
  readonly state: JsonObject;
  /** Of the steps that are done. */
  readonly outputs: ReadonlyMap<string, Json>;
  /** Those of them that were skipped. */
  readonly skipped: ReadonlySet<string>;
  /** The steps that are started together, in plan order. */
  readonly ids: readonly string[];
  /** Of lists, and steps with `until`, that are not done. */
  readonly items: DoneItems;
  /** Should no further item be begun, so that the job can go on in a new Run? */
  readonly isPausing: () => boolean;
}

/** What a step's references may see. */
export function scopeOf({ id }: PlanStep, { job, graph, input, state, outputs, skipped }: SuperStep): Scope {
  const steps = new Map(graph.sourcesOf.get(id)!.map((source) => [source, outputs.get(source)!]));
  return { input, state, steps, skipped, job: { id: job.jobId } };
}

/** @throws HoldfastError that names the step */
export function resolved<T>({ id }: PlanStep, resolve: () => T): T {
  try {
    return resolve();
  } catch (cause) {
    if (!(cause instanceof HoldfastError)) throw cause;
    throw new HoldfastError(
      cause.type,
      `Step "${id}" cannot be given its input: ${cause.message}`,
      { ...cause.details, stepId: id },
      { cause },
    );
  }
}

export function inputOf(step: PlanStep, superStep: SuperStep): ResolvedInput {
  return resolved(step, () => resolveInput(givenTo(step), scopeOf(step, superStep)));
}

export function requestFor(
  step: PlanStep,
  { input, secrets }: ResolvedInput,
  { graph, ids }: SuperStep,
): PlanStepRequest {
  const { id, use, plan: subPlan, onFailure, approval, timeoutMs, retry, resume } = step;
  return {
    id,
    use,
    input,
    uses: recordedSourcesOf(id, graph),
    writes: writesOf(step, input),
    isParallel: ids.length > 1,
    onFailure,
    ...defined({ secrets: secrets.length === 0 ? undefined : secrets, subPlan, approval, timeoutMs, retry, resume }),
  };
}

/** What a step writes, as far as it is known before it runs: declared, and read from a built-in step's input. */
function writesOf(step: PlanStep, input: Json): readonly string[] {
  const declared = step.writes.map((text) => {
    const claim = parseClaim(text);
    return claim.ok ? claim.value.resource : text;
  });
  return [...new Set([...declared, ...builtInWrites(step.use, input).map(({ resource }) => resource)])];
}
