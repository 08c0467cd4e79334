/** What people have put in by hand in place of a step's code. */
import * as z from 'zod';
import { defined } from '../defined.ts';
import { JsonObjectSchema, JsonSchema } from '../json.ts';

export const PutInSchema = z.strictObject({
  output: JsonSchema,
  /** What it writes to the state. Absent: what its output gives. */
  values: JsonObjectSchema.optional(),
});
export type PutIn = z.infer<typeof PutInSchema>;

/** Of one step. */
export const StepPutInSchema = PutInSchema.extend({ stepId: z.string() });

/** By step. */
export type PutIns = Readonly<Record<string, PutIn>>;

export function asPutIns({ stepId, output, values }: z.infer<typeof StepPutInSchema>): Record<string, PutIn> {
  return { [stepId]: { output, ...defined({ values }) } };
}
