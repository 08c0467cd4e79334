/** Follows a reference's path into a value; a path that leads nowhere is an error that says what there is. */
import type { Json } from '../../canonical-json.ts';
import { HoldfastError } from '../../failure.ts';
import { isList } from '../../list.ts';
import { nearestName } from '../../nearest-name.ts';
import { REFERENCE_ROOTS, joinPath, type PathPart, type Reference, type Scope } from './reference.ts';

const MAX_NAMES_SHOWN = 12;
const MAX_VALUE_SHOWN = 40;

/** @throws HoldfastError `bad-input`, with what there is instead */
export function follow(start: Json, reference: Reference, startName: string): Json {
  let value = start;
  let name = startName;
  for (const part of reference.path) {
    if (typeof value !== 'object' || value === null || isList(value) !== (typeof part === 'number'))
      throw noValue(reference, `${name} is ${describe(value)}, and ${soughtText(part)}.`);
    if (!Object.hasOwn(value, part))
      throw missing(reference, name, isList(value) ? value.length : Object.keys(value), String(part));
    value = (value as { readonly [key: PathPart]: Json })[part]!;
    name = joinPath(name, part);
  }
  return value;
}

/** @param there the names of an object's members, or a list's length */
export function missing(
  reference: Reference,
  where: string,
  there: readonly string[] | number,
  sought: string,
): HoldfastError {
  const near = typeof there === 'number' ? undefined : nearestName(sought, there);
  const hint = near === undefined ? '.' : `; did you mean "${near}"?`;
  const found = typeof there === 'number' ? `a list of ${there}` : listNames(there);
  return noValue(reference, `${where} holds ${found}${hint}`);
}

export function notHere({ text }: Reference, scope: Scope): HoldfastError {
  const usable = REFERENCE_ROOTS.filter((root) => root !== 'secrets' && scope[root] !== undefined);
  const usableText = usable.length === 0 ? 'no references' : usable.join(', ');
  return new HoldfastError('bad-input', `${text} cannot be used here; usable here: ${usableText}.`, {
    reference: text,
  });
}

export function describe(value: Json): string {
  if (value === null) return 'null';
  if (isList(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'an object';
  return `the ${typeof value} ${JSON.stringify(value).slice(0, MAX_VALUE_SHOWN)}`;
}

function noValue({ text }: Reference, why: string): HoldfastError {
  return new HoldfastError('bad-input', `${text} has no value: ${why}`, { reference: text });
}

function soughtText(part: PathPart): string {
  return typeof part === 'number' ? `[${part}] names an item of a list` : `"${part}" names a member of an object`;
}

function listNames(names: readonly string[]): string {
  if (names.length === 0) return 'nothing';
  const shown = names.slice(0, MAX_NAMES_SHOWN).join(', ');
  return names.length > MAX_NAMES_SHOWN ? `${shown} and ${names.length - MAX_NAMES_SHOWN} more` : shown;
}
