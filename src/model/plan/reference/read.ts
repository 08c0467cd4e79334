/** The references in a value of a plan; text that cannot be read as a reference becomes a problem. */
import type { Json } from '../../canonical-json.ts';
import { joinPath } from './reference.ts';
import type { PlacedReference } from './references.ts';
import { parseTemplate } from './template.ts';
import type { HoldfastError } from '../../failure.ts';
import type { PlanProblem } from '../problem/problem.ts';

/** @param problems where the problems go */
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
