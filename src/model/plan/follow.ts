/** Follows a reference's path into a value; a path that leads nowhere is an error that says what there is. */
import type { Json } from '../canonical-json.ts';
import { HoldfastError } from '../failure.ts';
import { nearestName } from './nearest-name.ts';
import { REFERENCE_ROOTS, type PathPart, type Reference, type Scope, joinPath } from './reference.ts';

export function follow(start: Json, reference: Reference, startName: string): Json {
  let value = start;
  let name = startName;
  for (const part of reference.path) {
    const list = isList(value);
    if (typeof value !== 'object' || value === null || list !== (typeof part === 'number')) {
      throw new HoldfastError(
        'bad-input',
        `${reference.text} has no value: ${name} is ${describe(value)}, and ${typeof part === 'number' ? `[${part}] asks for an item of a list` : `"${part}" asks for a member of an object`}.`,
        { reference: reference.text },
      );
    }
    if (!Object.hasOwn(value, part))
      throw missing(reference, name, isList(value) ? value.length : Object.keys(value), String(part));
    value = (value as { readonly [key: PathPart]: Json })[part]!;
    name = joinPath(name, part);
  }
  return value;
}

/** `there`: the names of an object's members, or a list's length. */
export function missing(
  reference: Reference,
  where: string,
  there: readonly string[] | number,
  wanted: string,
): HoldfastError {
  const near = typeof there === 'number' ? undefined : nearestName(wanted, there);
  const found = typeof there === 'number' ? `a list of ${there}` : there.length === 0 ? 'nothing' : listNames(there);
  return new HoldfastError(
    'bad-input',
    `${reference.text} has no value: ${where} holds ${found}${near === undefined ? '.' : `; did you mean "${near}"?`}`,
    { reference: reference.text },
  );
}

export function notHere(reference: Reference, scope: Scope): HoldfastError {
  const usable = REFERENCE_ROOTS.filter((root) => root !== 'secrets' && scope[root] !== undefined);
  return new HoldfastError(
    'bad-input',
    `${reference.text} cannot be used here; usable here: ${usable.length === 0 ? 'no references' : usable.join(', ')}.`,
    { reference: reference.text },
  );
}

const MAX_NAMES_SHOWN = 12;
function listNames(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES_SHOWN).join(', ');
  return names.length > MAX_NAMES_SHOWN ? `${shown} and ${names.length - MAX_NAMES_SHOWN} more` : shown;
}

export function describe(value: Json): string {
  if (value === null) return 'null';
  if (isList(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'an object';
  return `the ${typeof value} ${JSON.stringify(value).slice(0, 40)}`;
}

export function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
