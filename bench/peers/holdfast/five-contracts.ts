/** What the step of the comparison by kills takes; without code, so that the Workflow may import it. */
import * as z from 'zod';
import { defineStep } from '../../../src/model/step/step.ts';

export const actStep = defineStep({
  name: 'act',
  input: z.strictObject({ job: z.string(), index: z.int() }),
  output: z.strictObject({ step: z.int() }),
});
