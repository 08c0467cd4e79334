/** A place in the chain of records: holding the head is holding all records up to it. */
import * as z from 'zod';
import { DigestSchema } from '../digest.ts';

/** A place in the chain: holding the head is holding all records up to it. */
export const ChainPlaceSchema = z.strictObject({ seq: z.int().min(0), head: DigestSchema });
export type ChainPlace = z.infer<typeof ChainPlaceSchema>;
