/** The Activity `recall`: what finished steps have answered, of results that a new Run was not given, in pages. */
import * as z from 'zod';
import { DigestSchema } from '../digest.ts';
import { JsonSchema } from '../json.ts';
import { ChainPlaceSchema } from './chain-place.ts';

/** Of results in one answer; one that is larger comes alone. */
export const MAX_PAGE_BYTES = 1_000_000;
/** So much is recalled in a Run; what is beyond it is requested step by step. */
export const MAX_PAGES = 8;

export const RecallRequestSchema = z.strictObject({
  jobId: z.string(),
  workspace: z.string(),
  /** The last record that the Workflow has heard of: nothing after it is told. */
  known: ChainPlaceSchema,
  /** The record behind which the page begins. */
  after: z.int().min(0),
});
export type RecallRequest = z.infer<typeof RecallRequestSchema>;

export const RecalledResultSchema = z.strictObject({
  stepId: z.string(),
  generation: z.int(),
  /** Of what the step was given. */
  args: DigestSchema,
  output: JsonSchema,
  /** The number of its record. */
  seq: z.int(),
  approval: z.strictObject({ by: z.string(), reason: z.string() }).optional(),
});
export type RecalledResult = z.infer<typeof RecalledResultSchema>;

export const RecallResultSchema = z.strictObject({
  /** In the order of the chain; of a step that ran again, its newest is the last. */
  results: z.array(RecalledResultSchema),
  /** Where the next page begins; undefined: this was the last. */
  next: z.int().optional(),
});
export type RecallResult = z.infer<typeof RecallResultSchema>;
