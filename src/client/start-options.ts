/** The options that a job is started with, checked. */
import { HoldfastError } from '../model/failure.ts';
import { refuseUnknownOptions, type OptionNames } from '../model/options.ts';
import type { StepContract, StepImplementation } from '../model/step/step.ts';
import type { StartOptions } from './job-types.ts';

const NAMES: OptionNames<StartOptions> = {
  input: true,
  workspace: true,
  workflowId: true,
  taskQueue: true,
  knownSteps: true,
};

/** @throws HoldfastError `bad-input` for an unknown option, or for what is no step */
export function knownStepsOf(options: StartOptions): readonly StepContract[] | undefined {
  refuseUnknownOptions('client.start', options, NAMES);
  return options.knownSteps?.map(contractOf);
}

/** Of a step with its code too. By form, not by class: it may come from another copy of the package. */
function contractOf(step: StepContract | StepImplementation, index: number): StepContract {
  const contract: Partial<StepContract> = 'contract' in step ? step.contract : step;
  if (typeof contract.name === 'string' && contract.input !== undefined) return contract as StepContract;
  const expected = 'Expected what defineStep(…) or implementStep(…) returns.';
  throw new HoldfastError('bad-input', `knownSteps[${index}] is no step. ${expected}`);
}
