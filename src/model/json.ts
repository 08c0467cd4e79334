/** Plain JSON as a schema, for fields that hold any value. */
import * as z from 'zod';
import { isPlainObject, MAX_JSON_DEPTH, type Json, type JsonObject } from './canonical-json.ts';

/**
 * Any JSON value, as it is: not `z.json()` and `z.record()`, which drop a field named `__proto__`, as a column may be
 * called, and run out of stack on a value that is nested deep.
 */
export const JsonSchema = z.custom<Json>((value) => isJson(value, MAX_JSON_DEPTH), 'expected plain JSON');
/** Any JSON object, as it is. */
export const JsonObjectSchema = z.custom<JsonObject>(
  (value) => typeof value === 'object' && !Array.isArray(value) && value !== null && isJson(value, MAX_JSON_DEPTH),
  'expected an object of plain JSON',
);

function isJson(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null)
    return value === null || ['string', 'boolean'].includes(typeof value) || Number.isFinite(value);
  if (levels === 0 || !(Array.isArray(value) || isPlainObject(value))) return false;
  return Object.values(value).every((part) => isJson(part, levels - 1));
}
