/** Is a step skipped: because one that it needs was, or because its condition does not hold? */
import { HoldfastError } from '../../failure.ts';
import { skipStep } from '../../step/built-in/skip.ts';
import { directNeeds } from '../graph/graph.ts';
import type { PlanStep } from '../plan.ts';
import { holds, whyNot } from '../reference/condition.ts';
import type { PlanStepRequest } from './plan-job.ts';
import { requestFor, scopeOf, type SuperStep } from './step-input.ts';

const MAX_WHY_CHARACTERS = 1_000;

/** In words; undefined: it runs. @throws HoldfastError that names the step, where its condition can't be decided */
export function whySkipped(step: PlanStep, superStep: SuperStep): string | undefined {
  const { id, when, onSkipped } = step;
  const skipped = onSkipped === 'run' ? [] : directNeeds(step).filter((need) => superStep.skipped.has(need));
  if (skipped.length > 0)
    return `it needs ${skipped.join(', ')}, which ${skipped.length === 1 ? 'was' : 'were'} skipped`.slice(
      0,
      MAX_WHY_CHARACTERS,
    );
  if (when === undefined) return undefined;
  const scope = scopeOf(step, superStep);
  try {
    return holds(when, scope) ? undefined : `when: ${whyNot(when, scope)}`.slice(0, MAX_WHY_CHARACTERS);
  } catch (cause) {
    throw undecided(id, 'when', cause);
  }
}

export function undecided(stepId: string, field: 'when' | 'until', cause: unknown): unknown {
  if (!(cause instanceof HoldfastError)) return cause;
  const message = `The \`${field}\` of step "${stepId}" can't be decided: ${cause.message}`;
  return new HoldfastError(cause.type, message, { ...cause.details, stepId }, { cause });
}

/** The request that puts it into the record. */
export function skipRequest(step: PlanStep, why: string, superStep: SuperStep): PlanStepRequest {
  const { id, uses, isParallel, onFailure } = requestFor(step, { input: null, secrets: [] }, superStep);
  return { id, use: skipStep.name, input: { why }, uses, writes: [], isParallel, onFailure };
}
