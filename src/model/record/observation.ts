/** What a step read: compared again before the step is applied. */
import * as z from 'zod';
import { JsonSchema } from '../json.ts';
import { DigestSchema } from '../digest.ts';
import { ResourceStateSchema } from './world.ts';

/** One resource that the step read; it goes into the manifest. */
export const ObservationSchema = z.strictObject({ resource: z.string(), state: ResourceStateSchema });
export type Observation = z.infer<typeof ObservationSchema>;

/** An ad-hoc query: its rows are compared again at apply, and not afterwards (unless the plan declares a watch). */
export const QueryObservationSchema = z.strictObject({
  database: z.string(),
  sql: z.string(),
  params: z.array(JsonSchema),
  rows: DigestSchema,
  /** The bound on the rows, if the step gave one. */
  maxRows: z.int().optional(),
});
export type QueryObservation = z.infer<typeof QueryObservationSchema>;

/** A folder's listing: compared again at apply, and not afterwards. */
export const ListingObservationSchema = z.strictObject({
  folder: z.string(),
  recursive: z.boolean(),
  entries: DigestSchema,
});
export type ListingObservation = z.infer<typeof ListingObservationSchema>;
