/** What runs the items of a plan's `forEach` within one Activity: each is a sub-step, by its place in the list. */
import * as z from 'zod';
import { JsonSchema } from '../../json.ts';
import { defineStep, StepNameSchema } from '../step.ts';
import { MAX_SUB_STEPS_AT_ONCE } from '../sub-step.ts';

export const forEachStep = defineStep({
  name: 'holdfast.for-each',
  input: z.strictObject({
    use: StepNameSchema,
    /** What each sub-step is given. */
    inputs: z.array(JsonSchema),
    atOnce: z.int().min(1).max(MAX_SUB_STEPS_AT_ONCE),
    approval: z.literal('before-apply').optional(),
    outputs: z.literal('none').optional(),
  }),
  /** Of each, in the order of the list. Null: none was wanted. */
  output: z.array(JsonSchema).nullable(),
});
