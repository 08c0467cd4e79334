/**
 * A state's value as JSON that reads back as the same value.
 *
 * Invariants
 * 1. A type is kept or refused, never turned into another one: what has no place here is an error that names its path.
 * 2. What is plain JSON already is not copied.
 * 3. It runs to its end before it returns: the value may be changed right after.
 */
import type { Json } from '../../model/canonical-json.ts';
import { encodeInstance } from './instances.ts';
import { TAG } from './tags.ts';
import type { Walk } from './walk.ts';

/** @throws HoldfastError `not-json` naming the path */
export function encode(value: unknown, walk: Walk): Json {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return encodeNumber(value);
    case 'undefined':
      return { [TAG]: 'undefined' };
    case 'bigint':
      return { [TAG]: 'bigint', value: String(value) };
    case 'object':
      return value === null ? null : walk.into(value, () => encodeObject(value, walk));
    default:
      throw walk.refused(`a ${typeof value}`);
  }
}

function encodeNumber(value: number): Json {
  if (Object.is(value, -0)) return { [TAG]: 'number', value: '-0' };
  return Number.isFinite(value) ? value : { [TAG]: 'number', value: String(value) };
}

function encodeObject(value: object, walk: Walk): Json {
  if (Array.isArray(value)) return encodeArray(value, walk);
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
  if (!isPlain) return encodeInstance(value, walk, encode);
  if (Object.getOwnPropertySymbols(value).length > 0) throw walk.refused('an object with a property named by a symbol');
  return encodePlain(value as Readonly<Record<string, unknown>>, walk, prototype === null);
}

function encodeArray(value: readonly unknown[], walk: Walk): Json {
  if (Object.keys(value).length !== value.length)
    throw walk.refused('an array with holes, or with properties that have names');
  let changed: Json[] | undefined;
  for (let index = 0; index < value.length; index++) {
    const item = value[index];
    const encoded = walk.below(index, () => encode(item, walk));
    if (changed === undefined && encoded !== item) changed = (value as Json[]).slice(0, index);
    changed?.push(encoded);
  }
  return changed ?? (value as Json[]);
}

function encodePlain(value: Readonly<Record<string, unknown>>, walk: Walk, isBare: boolean): Json {
  let isChanged = false;
  const entries = Object.keys(value).map((key): [string, Json] => {
    const item = value[key];
    const encoded = walk.below(key, () => encode(item, walk));
    if (encoded !== item) isChanged = true;
    return [key, encoded];
  });
  if (isBare || Object.hasOwn(value, TAG)) return { [TAG]: isBare ? 'bare-object' : 'object', entries };
  return isChanged ? Object.fromEntries(entries) : (value as Json);
}
