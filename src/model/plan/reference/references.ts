/** Every reference in a value, with its place: of a plan that is checked, and of one that is being checked. */
import type { Json } from '../../canonical-json.ts';
import type { HoldfastError } from '../../failure.ts';
import { isList } from '../../list.ts';
import type { PlanProblem } from '../problem/problem.ts';
import { type Reference, joinPath } from './reference.ts';
import { parseTemplate } from './template.ts';

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

/**
 * The same of a plan that is not checked yet: text that cannot be read as a reference becomes a problem.
 * @param problems where the problems go
 */
export function readReferences(value: Json, path: string, problems: PlanProblem[]): readonly PlacedReference[] {
  if (typeof value === 'string') {
    const parts = parseTemplate(value, (error) => problems.push(unreadable(error, path)));
    return parts.flatMap((part) => (typeof part === 'string' ? [] : [{ reference: part, path }]));
  }
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value))
    return value.flatMap((item: Json, index) => readReferences(item, `${path}[${index}]`, problems));
  return Object.entries(value).flatMap(([key, member]) => {
    if (key.includes('${{'))
      problems.push({
        path: joinPath(path, key),
        message: 'a name holds a reference',
        expected: 'references in values only',
        hint: 'compute the object in a step and refer to its output',
      });
    return readReferences(member as Json, joinPath(path, key), problems);
  });
}

function unreadable({ message, details }: HoldfastError, path: string): PlanProblem {
  const hint = details['hint'];
  return typeof hint === 'string' ? { path, message: message.slice(0, -hint.length - 1), hint } : { path, message };
}
