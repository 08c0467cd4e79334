/** Plain JSON as a schema, for fields that hold any value. */
import * as z from 'zod';
import { isTooDeep, type Json, type JsonObject } from './canonical-json.ts';

/**
 * Any JSON value, as it is: not `z.json()` and `z.record()`, which drop a field named `__proto__`, as a column may be
 * called, and run out of stack on a value that is nested deep.
 */
export const JsonSchema = z.custom<Json>((value) => !isTooDeep(value) && isPlain(value), 'expected plain JSON');
/** Any JSON object, as it is. */
export const JsonObjectSchema = z.custom<JsonObject>(
  (value) => isObject(value) && !isTooDeep(value) && Object.values(value).every(isPlain),
  'expected an object of plain JSON',
);

function isPlain(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isPlain);
  if (isObject(value)) return Object.values(value).every(isPlain);
  return value === null || ['string', 'boolean'].includes(typeof value) || Number.isFinite(value);
}

/** A Workflow's sandbox has its own `Object.prototype`. */
function isObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
