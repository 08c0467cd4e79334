/** A copy of a JSON value that nobody can change. */
import type { Json } from './canonical-json.ts';
import { isList } from './list.ts';

export function frozenCopy(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (isList(value)) return Object.freeze(value.map(frozenCopy));
  return Object.freeze(Object.fromEntries(Object.entries(value).map(([key, one]) => [key, frozenCopy(one)])));
}
