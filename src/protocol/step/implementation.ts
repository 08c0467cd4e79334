/** The code that a worker has for a step. */
import { HoldfastError } from '../../model/failure.ts';
import type { StepImplementation } from '../../model/step/step.ts';
import type { ProtocolHost } from '../host.ts';

/** @throws HoldfastError `unknown-step` */
export function implementationOf({ steps }: Pick<ProtocolHost, 'steps'>, step: string): StepImplementation {
  const implementation = steps.get(step);
  if (implementation === undefined)
    throw new HoldfastError(
      'unknown-step',
      `This worker has no code for step "${step}"; it has ${[...steps.keys()].join(', ')}.`,
      { step },
    );
  return implementation;
}
