/** What was written to a state, as it is kept: with it and the values before, whoever reads it has the values after. */
import * as z from 'zod';
import { JsonSchema } from '../json.ts';

/** The name of a channel: it stands in references and paths. */
export const ChannelNameSchema = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,79}$/, 'a letter, then at most 79 letters, digits, _ or -');

export const StateWriteSchema = z.strictObject({
  /** Who wrote it: a step of a plan, or what `job.update` was told. */
  node: z.string().min(1).max(200),
  channel: ChannelNameSchema,
  /** One of `REDUCERS`, or the name of a reducer of the Workflow's own. */
  reducer: z.string().min(1).max(200),
  /** As it was written, before it joined what was held. */
  value: JsonSchema,
  /** Of a reducer of the Workflow's own: what the channel held then. Nobody else has its code. */
  result: JsonSchema.optional(),
});
export type StateWrite = z.infer<typeof StateWriteSchema>;

/** What one node writes at once: channel → value. */
export interface NodeWrites {
  readonly node: string;
  readonly values: { readonly [channel: string]: z.infer<typeof JsonSchema> };
}
