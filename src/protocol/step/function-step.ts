/** The code of a sub-step that has no contract: a part of the code of the step in which it runs. */
import { codeNameOf, subStepIdOf } from '../../model/sub-step-id.ts';
import * as z from 'zod';
import type { StepContext } from '../../model/step/step-context.ts';
import type { StepImplementation } from '../../model/step/step.ts';
import { implementationOf } from './implementation.ts';
import type { StepRun } from './step-run.ts';

/** What goes in and out is checked to be plain JSON, like everything that is recorded. */
const ANYTHING = z.unknown();

/** @param fn as the step's code gives it to `ctx.step` */
export function functionStep(
  { host, request }: Pick<StepRun, 'host' | 'request'>,
  name: string,
  fn: (context: StepContext, input: never) => unknown,
): StepImplementation {
  return {
    contract: { name: subStepIdOf(request.step, name), input: ANYTHING, output: ANYTHING },
    version: implementationOf(host, codeNameOf(request.step)).version,
    run: fn as StepImplementation['run'],
  };
}
