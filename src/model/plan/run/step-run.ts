/**
 * One step of a super-step: it is given its input, and run by the job; a `wait` is run here.
 *
 * Invariants
 * 1. A step sees the state of the super-steps before its own and nothing later, also when it runs again. So every input
 *    is a pure function of plan, job input and the outputs of the steps before.
 * 2. It never rejects: a barrier waits for every step.
 */
import type { Json, JsonObject } from '../../canonical-json.ts';
import { defined } from '../../defined.ts';
import { HoldfastError } from '../../failure.ts';
import { builtInWrites } from '../../step/built-in/claims.ts';
import { waitStep } from '../../step/built-in/wait.ts';
import { parseClaim } from '../../step/claim.ts';
import type { PlanGraph } from '../graph/graph.ts';
import type { PlanStep } from '../plan.ts';
import { resolveInput, type ResolvedInput } from '../reference/resolve.ts';
import type { PlanJob, PlanStepRequest } from './plan-job.ts';
import { checkWait, waitMs } from './wait.ts';

export type StepOutcome = { readonly id: string } & (
  | { readonly kind: 'done'; readonly output: Json }
  | { readonly kind: 'void' }
  | { readonly kind: 'stuck'; readonly failure: HoldfastError }
  | { readonly kind: 'failed'; readonly reason: unknown }
);

/** The super-step that a step runs in. */
export interface SuperStep {
  readonly job: PlanJob;
  readonly graph: PlanGraph;
  readonly input: JsonObject;
  /** The state that its steps see. */
  readonly state: JsonObject;
  /** Of the steps that are done. */
  readonly outputs: ReadonlyMap<string, Json>;
  /** The steps that are started together, in plan order. */
  readonly ids: readonly string[];
}

export async function runStep(id: string, superStep: SuperStep): Promise<StepOutcome> {
  const { job, graph } = superStep;
  const step = graph.steps.get(id)!;
  let resolved: ResolvedInput;
  try {
    resolved = inputOf(step, superStep);
    if (step.use === waitStep.name) checkWait(step, resolved.input);
  } catch (failure) {
    if (failure instanceof HoldfastError) return { id, kind: 'stuck', failure };
    return { id, kind: 'failed', reason: failure };
  }
  try {
    if (step.use === waitStep.name) {
      await job.sleep(waitMs(resolved.input, job.nowMs()), id);
      return { id, kind: 'done', output: {} };
    }
    const result = await job.step(requestFor(step, resolved, superStep));
    return 'output' in result ? { id, kind: 'done', output: result.output } : { id, kind: 'void' };
  } catch (reason) {
    return { id, kind: 'failed', reason };
  }
}

function inputOf(step: PlanStep, { job, graph, input, state, outputs }: SuperStep): ResolvedInput {
  const uses = graph.sourcesOf.get(step.id)!;
  const steps = new Map(uses.map((id) => [id, outputs.get(id)!]));
  try {
    return resolveInput(step.with, { input, state, steps, job: { id: job.jobId } });
  } catch (cause) {
    if (!(cause instanceof HoldfastError)) throw cause;
    throw new HoldfastError(
      cause.type,
      `Step "${step.id}" cannot be given its input: ${cause.message}`,
      { ...cause.details, stepId: step.id },
      { cause },
    );
  }
}

function requestFor(step: PlanStep, { input, secrets }: ResolvedInput, { graph, ids }: SuperStep): PlanStepRequest {
  const { id, use, onFailure, approval, timeoutMs, retry } = step;
  return {
    id,
    use,
    input,
    uses: graph.sourcesOf.get(id)!,
    writes: writesOf(step, input),
    isParallel: ids.length > 1,
    onFailure,
    ...defined({ secrets: secrets.length === 0 ? undefined : secrets, approval, timeoutMs, retry }),
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
