/** `Array.isArray` for JSON: it narrows both ways, which the built-in does not do for readonly arrays. */
import type { Json } from './canonical-json.ts';

export function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** Undefined for an empty one: a field that need not travel. */
export function someOf<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}
