/** A place in the chain of records: holding the head is holding all records up to it. */
import * as z from 'zod';
import { DigestSchema } from '../digest.ts';

/** A place in the chain: holding the head is holding all records up to it. */
export const ChainPlaceSchema = z.strictObject({
  /** The number of the last record; 0: there is none. */
  seq: z.int().min(0),
  /** The hash at the chain's end, 64 hex digits. */
  head: DigestSchema,
});
/** A place in the chain of records. */
export type ChainPlace = z.infer<typeof ChainPlaceSchema>;
