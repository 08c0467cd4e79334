/**
 * One step of a super-step: it is given its input, and run by the job; a `wait` is run here.
 *
 * Invariant: it never rejects, since a barrier waits for every step.
 */
import type { Json } from '../../canonical-json.ts';
import { HoldfastError } from '../../failure.ts';
import type { PutIn } from '../../record/put-in.ts';
import { planRunStep } from '../../step/built-in/plan-run.ts';
import { waitStep } from '../../step/built-in/wait.ts';
import type { Condition } from '../condition.ts';
import type { PlanStep } from '../plan.ts';
import type { ForEach } from '../plan-step.ts';
import type { ResolvedInput } from '../reference/resolve.ts';
import { editRequest } from './edited.ts';
import { runForEach } from './for-each.ts';
import { itemsOf } from './list-items.ts';
import { runRounds } from './rounds.ts';
import { skipRequest, whySkipped } from './skip.ts';
import { inputOf, requestFor, type SuperStep } from './step-input.ts';
import { checkWait, waitMs } from './wait.ts';

export type StepOutcome = { readonly id: string } & (
  | { readonly kind: 'done'; readonly output: Json; readonly rounds?: readonly Json[] }
  | { readonly kind: 'skipped' }
  | { readonly kind: 'void' }
  /** The rest of its items, or rounds, is begun in a new Run. */
  | { readonly kind: 'paused' }
  | { readonly kind: 'stuck'; readonly failure: HoldfastError }
  | { readonly kind: 'failed'; readonly reason: unknown }
);

export async function runStep(id: string, superStep: SuperStep): Promise<StepOutcome> {
  const { job, graph } = superStep;
  const step = graph.steps.get(id)!;
  const putIn = job.putIn?.(id);
  if (putIn !== undefined) return await runInPlace(step, putIn, superStep);
  const skipped = await skipIfDue(step, superStep);
  if (skipped !== undefined) return skipped;
  if (step.until !== undefined) return await runAgain(step, step.until, superStep);
  if (step.forEach !== undefined) return await runEach(step, step.forEach, superStep);
  let resolved: ResolvedInput;
  try {
    resolved = inputOf(step, superStep);
    if (step.use === waitStep.name) checkWait(step, resolved.input);
  } catch (failure) {
    return notBegun(id, failure);
  }
  try {
    if (step.use === waitStep.name) {
      await job.sleep(waitMs(resolved.input, job.nowMs()), id);
      return { id, kind: 'done', output: {} };
    }
    const result = await job.step(requestFor(step, resolved, superStep));
    return 'output' in result ? { id, kind: 'done', output: result.output } : { id, kind: 'void' };
  } catch (reason) {
    // A sub-plan whose job has failed is put to a person here.
    return step.use === planRunStep.name ? notBegun(id, reason) : { id, kind: 'failed', reason };
  }
}

/** What a person has put in by hand, in place of its code. */
async function runInPlace(step: PlanStep, putIn: PutIn, superStep: SuperStep): Promise<StepOutcome> {
  const { id } = step;
  try {
    const result = await superStep.job.step(editRequest(step, putIn, superStep));
    return 'output' in result ? { id, kind: 'done', output: result.output } : { id, kind: 'void' };
  } catch (reason) {
    return { id, kind: 'failed', reason };
  }
}

/** Undefined: it runs. */
async function skipIfDue(step: PlanStep, superStep: SuperStep): Promise<StepOutcome | undefined> {
  const { id } = step;
  let why: string | undefined;
  try {
    why = whySkipped(step, superStep);
  } catch (failure) {
    return notBegun(id, failure);
  }
  if (why === undefined) return undefined;
  try {
    const result = await superStep.job.step(skipRequest(step, why, superStep));
    return { id, kind: 'output' in result ? 'skipped' : 'void' };
  } catch (reason) {
    return { id, kind: 'failed', reason };
  }
}

async function runAgain(step: PlanStep, until: Condition, superStep: SuperStep): Promise<StepOutcome> {
  const { id } = step;
  try {
    return { id, ...(await runRounds(step, until, superStep)) };
  } catch (reason) {
    // Of a round that can't be given its input, or of a bound that is reached.
    return notBegun(id, reason);
  }
}

async function runEach(step: PlanStep, forEach: ForEach, superStep: SuperStep): Promise<StepOutcome> {
  const { id } = step;
  let items: readonly ResolvedInput[];
  try {
    items = itemsOf(step, forEach, superStep);
  } catch (failure) {
    return notBegun(id, failure);
  }
  try {
    return { id, ...(await runForEach(step, forEach, items, superStep)) };
  } catch (reason) {
    // Of a step that the job could not even request, or of a list of outputs that is too large.
    return notBegun(id, reason);
  }
}

function notBegun(id: string, failure: unknown): StepOutcome {
  return failure instanceof HoldfastError ? { id, kind: 'stuck', failure } : { id, kind: 'failed', reason: failure };
}
