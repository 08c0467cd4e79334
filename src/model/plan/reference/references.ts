/** Every reference in a value, with its place. */
import type { Json } from '../../canonical-json.ts';
import { type Reference, joinPath } from './reference.ts';
import { parseTemplate } from './template.ts';
import { isList } from '../../list.ts';

/** Where in a value a reference stands. `path` is that of the string: `with.rows[2]`. */
export interface PlacedReference {
  readonly reference: Reference;
  readonly path: string;
}

/**
 * Every reference in a value, in reading order. Pure.
 * @throws HoldfastError `bad-plan` for text between `${{` and `}}` that is not a reference
 */
export function referencesOf(value: Json, path = ''): readonly PlacedReference[] {
  if (typeof value === 'string') {
    return parseTemplate(value).flatMap((part) => (typeof part === 'string' ? [] : [{ reference: part, path }]));
  }
  if (isList(value)) return value.flatMap((item, index) => referencesOf(item, `${path}[${index}]`));
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([key, member]) => referencesOf(member, joinPath(path, key)));
  }
  return [];
}
