/** What stands in the record where a plan's step was skipped. */
import * as z from 'zod';
import { defineStep } from '../step.ts';

/** Changes nothing: the record says that the step was skipped, and why. */
export const skipStep = defineStep({
  name: 'holdfast.skip',
  input: z.strictObject({ why: z.string() }),
  output: z.strictObject({ why: z.string() }),
});
