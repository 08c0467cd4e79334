/** A step of a plan that a person has put in by hand: what it comes to is requested in place of its code. */
import type { PutIn } from '../../record/put-in.ts';
import { defined } from '../../defined.ts';
import { editStep } from '../../step/built-in/edit.ts';
import type { PlanStep } from '../plan.ts';
import type { PlanStepRequest } from './plan-job.ts';
import { requestFor, type SuperStep } from './step-input.ts';

/** Whatever decides whether and how often its code runs is passed over. */
export function editRequest(step: PlanStep, { output, values }: PutIn, superStep: SuperStep): PlanStepRequest {
  const { id, uses, isParallel, onFailure } = requestFor(step, { input: null, secrets: [] }, superStep);
  const input = { output, ...defined({ values }) };
  return { id, use: editStep.name, input, uses, writes: [], isParallel, onFailure };
}
