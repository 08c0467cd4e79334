/**
 * Options as a program gives them. One that is misspelled would be left at its default without a word, so it is refused
 * where it is given. Pure.
 */
import { HoldfastError } from './failure.ts';
import { nearestName } from './nearest-name.ts';
import { shownName } from './shown-value.ts';

/** The names of all options of `T`: the compiler sees that none is missing. */
export type OptionNames<T> = Readonly<Record<keyof T, true>>;

/** The first option that has no such name, and which was meant; undefined: none. */
export function unknownOption(given: object, names: Readonly<Record<string, unknown>>): string | undefined {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(names, name));
  return unknown === undefined ? undefined : `"${unknown}", which is unknown. ${hintFor(unknown, names)}`;
}

/** The same of a field, within a list of problems. */
export function unknownName(name: string, names: Readonly<Record<string, unknown>>): string {
  return `"${shownName(name)}" is unknown. ${hintFor(name, names)}`.replace(/\.$/, '');
}

function hintFor(unknown: string, names: Readonly<Record<string, unknown>>): string {
  const near = nearestName(unknown, Object.keys(names));
  return near === undefined ? `Known are ${listed(names)}.` : `Did you mean "${near}"?`;
}

/** @throws HoldfastError `bad-input` that names the option and the one that was probably meant */
export function refuseUnknownOptions<T extends object>(
  what: string,
  given: T,
  names: OptionNames<T> | Readonly<Record<string, unknown>>,
): void {
  // A program without types may give anything.
  if (typeof given !== 'object' || (given as T | null) === null || Array.isArray(given))
    throw new HoldfastError(
      'bad-input',
      `${what} was given ${kindOf(given)} where options belong. Expected an object with ${listed(names)}.`,
    );
  const unknown = unknownOption(given, names);
  if (unknown !== undefined) throw new HoldfastError('bad-input', `${what} was given ${unknown}`);
}

function listed(names: Readonly<Record<string, unknown>>): string {
  return Object.keys(names).join(', ');
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}
