/** What stands in the record where a person has put in by hand what a step comes to. */
import * as z from 'zod';
import { JsonSchema } from '../../json.ts';
import { defineStep } from '../step.ts';

/** Changes nothing: its output is what the person gave in place of the step's code. */
export const editStep = defineStep({
  name: 'holdfast.edit',
  input: z.strictObject({
    output: JsonSchema,
    values: z.record(z.string(), JsonSchema).optional(),
  }),
  output: JsonSchema,
});
