/** The Activity `recall`: what finished steps have answered, of results that a new Run was not given, in pages. */
import * as z from 'zod';
import { DigestSchema } from '../digest.ts';
import { JsonSchema } from '../json.ts';
import { ChainPlaceSchema } from './chain-place.ts';

/** Of results in one answer; one that is larger comes alone. */
export const MAX_PAGE_BYTES = 1_000_000;
/** So much is recalled in a Run; what is beyond it is requested step by step. */
export const MAX_PAGES = 8;

/** Around an output. */
const FRAME_BYTES = 256;

/** How many requests a Run makes to have results of these sizes: in pages, and beyond them one by one. */
export function requestsToHave(sizesBytes: readonly number[]): number {
  let [pages, pageBytes, recalled] = [0, MAX_PAGE_BYTES, 0];
  for (const sizeBytes of sizesBytes.toSorted((a, b) => b - a)) {
    const isNewPage = pageBytes + sizeBytes + FRAME_BYTES > MAX_PAGE_BYTES;
    if (isNewPage && pages === MAX_PAGES) break;
    pages += isNewPage ? 1 : 0;
    pageBytes = (isNewPage ? 0 : pageBytes) + sizeBytes + FRAME_BYTES;
    recalled += 1;
  }
  return pages + sizesBytes.length - recalled;
}

export const RecallRequestSchema = z.strictObject({
  jobId: z.string(),
  workspace: z.string(),
  /** The last record that the Workflow has heard of: nothing after it is told. */
  known: ChainPlaceSchema,
  /** The record behind which the page begins. */
  after: z.int().min(0),
  /** Smaller outputs are not told. Default: all are. */
  atLeastBytes: z.int().min(0).optional(),
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
