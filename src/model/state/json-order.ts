/**
 * One order for all JSON values: null, false, true, numbers by size, text by its UTF-16 code units, then lists, then
 * objects, those by their canonical texts. Pure.
 */
import { canonicalJson, type Json } from '../canonical-json.ts';
import { isList } from '../list.ts';

/** Negative: `a` comes first. Zero: they are the same value. */
export function compareJson(a: Json, b: Json): number {
  const kinds = kindOf(a) - kindOf(b);
  if (kinds !== 0) return kinds;
  if (typeof a === 'number') return a - (b as number);
  if (typeof a === 'string') return compareText(a, b as string);
  return a !== null && typeof a === 'object' ? compareText(canonicalJson(a), canonicalJson(b)) : 0;
}

function kindOf(value: Json): number {
  if (value === null) return 0;
  if (typeof value === 'boolean') return value ? 2 : 1;
  if (typeof value === 'number') return 3;
  if (typeof value === 'string') return 4;
  return isList(value) ? 5 : 6;
}

export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
