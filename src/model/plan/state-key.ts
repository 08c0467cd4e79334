/** A key of a plan's state. */
import * as z from 'zod';
import { JsonValueSchema } from './field.ts';
import { JsonSchemaSchema } from './json-schema.ts';

export const StateKeySchema = z.strictObject({
  reducer: z
    .enum(['replace', 'append'])
    .default('replace')
    .describe(
      'How a new value joins the old one. replace: it takes its place. append: the items of a list are ' +
        'added to the list in order; any other value is added as one item. Default: replace.',
    ),
  initial: JsonValueSchema.optional().describe('The value before any step. Default: null, for append an empty list.'),
  schema: JsonSchemaSchema.optional().describe('What the value must look like after every change. Default: any JSON.'),
});
