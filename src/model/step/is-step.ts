/** Is what a program without types gives a step? */
import type { StepContract, StepImplementation } from './step.ts';

/** What `implementStep` returns. */
export function isStep(value: unknown): value is StepImplementation {
  const step = value as Partial<StepImplementation> | null;
  return (
    typeof step === 'object' &&
    step !== null &&
    isContract(step.contract) &&
    typeof step.run === 'function' &&
    typeof step.version === 'string'
  );
}

/** What `defineStep` returns. */
export function isContract(value: unknown): value is StepContract {
  const contract = value as Partial<StepContract> | null;
  return (
    typeof contract === 'object' &&
    contract !== null &&
    typeof contract.name === 'string' &&
    typeof contract.input?.safeParse === 'function' &&
    typeof contract.output?.safeParse === 'function'
  );
}
