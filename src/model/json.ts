/** Plain JSON as a schema, for fields that hold any value. */
import * as z from 'zod';
import type { Json } from './canonical-json.ts';

export const JsonSchema = z.json() as z.ZodType<Json>;
