/**
 * Options as a program gives them. One that is misspelled would be left at its default without a word, so it is refused
 * where it is given. Pure.
 */
import { HoldfastError } from './failure.ts';
import { nearestName } from './nearest-name.ts';

/** The names of all options of `T`: the compiler sees that none is missing. */
export type OptionNames<T> = Readonly<Record<keyof T, true>>;

/** The first option that has no such name, and which was meant; undefined: none. */
export function unknownOption(given: object, names: Readonly<Record<string, true>>): string | undefined {
  const known = Object.keys(names);
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(names, name));
  if (unknown === undefined) return undefined;
  const near = nearestName(unknown, known);
  const hint = near === undefined ? `Known are ${known.join(', ')}.` : `Did you mean "${near}"?`;
  return `"${unknown}", which is unknown. ${hint}`;
}

/** @throws HoldfastError `bad-input` that names the option and the one that was probably meant */
export function refuseUnknownOptions<T extends object>(what: string, given: T, names: OptionNames<T>): void {
  const unknown = unknownOption(given, names);
  if (unknown !== undefined) throw new HoldfastError('bad-input', `${what} was given ${unknown}`);
}
