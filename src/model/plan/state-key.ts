/** A key of a plan's state. */
import * as z from 'zod';
import { REDUCERS } from '../state/reducer.ts';
import { JsonValueSchema } from './field.ts';
import { JsonSchemaSchema } from './json-schema.ts';

export const StateKeySchema = z.strictObject({
  reducer: z
    .enum(REDUCERS)
    .default('replace')
    .describe(
      'How a new value joins the old one. replace: it takes its place. append: the items of a list are ' +
        'added to the list in order; any other value is added as one item. merge: the keys of an object are written ' +
        'one by one; with `by`, the items of a list by that field. sum: numbers are added. min, max: the smaller or ' +
        'the larger number or text stays. set: like append, each value once, in order. Default: replace.',
    ),
  // No default is filled in: the digest of a plan without it stays the same.
  by: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe(
      'Of merge: the state is a list of objects, told apart by this field; a new one takes the place of the one ' +
        'with the same value there, or is added at the end. Default: the state is an object.',
    ),
  initial: JsonValueSchema.optional().describe(
    'The value before any step. Default: null; for append, set and merge with `by` an empty list, for merge an ' +
      'empty object, for sum 0.',
  ),
  schema: JsonSchemaSchema.optional().describe('What the value must look like after every change. Default: any JSON.'),
});
