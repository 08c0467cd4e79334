/**
 * The sealed list of effects that a step is about to apply.
 *
 * Invariants
 * 1. An intent is complete when it is sealed: contents are durable blobs, the output is known, every `before` is
 *    stated.
 * 2. Effects on one database are applied in the order in which they were staged, in one transaction.
 * 3. Its digest covers everything a person approves: what is approved is byte for byte what is applied.
 */
import * as z from 'zod';
import { JsonSchema } from '../json.ts';
import { digestOf, DigestSchema, type Digest } from '../digest.ts';
import { ResourceStateSchema } from './world.ts';
import { EffectSchema } from './effect.ts';
import { ObservationSchema, QueryObservationSchema, ListingObservationSchema } from './observation.ts';

/** What is not undone, and why: for people. */
export const NotUndoneSchema = z.strictObject({
  /** What stays. */
  what: z.string(),
  /** The reason. */
  why: z.string(),
});
/** What an undoing does not put back. */
export type NotUndone = z.infer<typeof NotUndoneSchema>;

/** What a database will do by itself with the changes, as far as it can be known before. */
export const ForeseenSchema = z.strictObject({ database: z.string(), what: z.string(), why: z.string() });
export type Foreseen = z.infer<typeof ForeseenSchema>;

/**
 * Of an intent that undoes a step: which record of it. `seq` null: the step was not finished, and only calls of it
 * are undone.
 */
export const UndoesSchema = z.strictObject({
  stepId: z.string(),
  generation: z.int().min(0),
  token: DigestSchema,
  seq: z.int().nullable(),
  left: z.array(NotUndoneSchema),
  notes: z.array(z.string()),
  /** What the record says of resources that nothing is to be done to: they are as before already, or stay as found. */
  settled: z.array(
    z.strictObject({ resource: z.string(), role: z.enum(['undone', 'accepted']), state: ResourceStateSchema }),
  ),
});
export type Undoes = z.infer<typeof UndoesSchema>;

export const IntentSchema = z.strictObject({
  schemaVersion: z.literal(1),
  jobId: z.string(),
  stepId: z.string(),
  step: z.string(),
  generation: z.int().min(0),
  token: DigestSchema,
  /** An approval dies with its draft, also where the next one comes out the same. */
  draft: z.int().min(0),
  args: DigestSchema,
  effects: z.array(EffectSchema),
  observations: z.array(ObservationSchema),
  queries: z.array(QueryObservationSchema),
  listings: z.array(ListingObservationSchema),
  /** What commands in place have changed in the workspace: recorded with the step, with nothing to apply. */
  left: z.array(ObservationSchema).optional(),
  /** Of an intent that is approved, or undoes a step: nothing else goes along with its changes. */
  foreseen: z.array(ForeseenSchema).optional(),
  output: JsonSchema,
  undoes: UndoesSchema.optional(),
});
export type Intent = z.infer<typeof IntentSchema>;

export function intentDigest(intent: Intent): Digest {
  return digestOf(intent);
}
