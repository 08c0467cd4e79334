/** Runs a step's own compensation: the step's code that undoes what cannot be undone by itself. */
import { canonicalJson } from '../../model/canonical-json.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { CompensateResult, StepImplementation } from '../../model/step/step.ts';
import type { DraftTools } from '../step/step-work.ts';
import { compensatedRecord } from './compensated-record.ts';
import type { UndoneStep } from './undone-step.ts';

const MAX_RESULT_TOLD = 200;

/** A step's code that has a compensation. */
export type CompensatingStep = StepImplementation & Required<Pick<StepImplementation, 'compensate'>>;

/** @throws what the code throws; HoldfastError `bad-output`, and as `compensatedRecord` */
export async function compensate(
  { run, secretOf }: DraftTools,
  code: CompensatingStep,
  step: UndoneStep,
): Promise<CompensateResult> {
  const { stepId } = step;
  const record = compensatedRecord(code.contract, step, secretOf);
  const returned = await run((context) => code.compensate({ ...context, stepId }, record));
  if (isCompensateResult(returned)) return returned;
  const told = canonicalJson(returned, 'compensate').slice(0, MAX_RESULT_TOLD);
  throw new HoldfastError(
    'bad-output',
    `The compensation of step ${stepId} returned ${told}. Expected nothing, or { undoStaged: false }.`,
  );
}

export function hasCompensation(code: StepImplementation): code is CompensatingStep {
  return code.compensate !== undefined;
}

function isCompensateResult(returned: unknown): returned is CompensateResult {
  if (returned === undefined) return true;
  return typeof (returned as { readonly undoStaged?: unknown } | null)?.undoStaged === 'boolean';
}
