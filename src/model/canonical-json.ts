/**
 * Canonical JSON: one text for one value, so that a digest of it is a digest of the value.
 *
 * Invariants
 * 1. What it writes is what RFC 8785 (JCS) writes: object keys are sorted by UTF-16 code units, numbers and strings are
 *    written as `JSON.stringify` does. As the RFC demands, NaN, Infinity and lone surrogates (which `JSON.stringify`
 *    would escape) are errors.
 * 2. It accepts less than RFC 8785: -0, which the RFC writes as 0, since it would not read back as the same value; and
 *    nesting deeper than `MAX_JSON_DEPTH`, which the RFC does not bound.
 * 3. Nothing is coerced or dropped: a bigint, undefined, a function, a Date or another class instance, a hole, an array
 *    with named properties, a symbol key and a cycle are errors. Every error names the path.
 */
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { HoldfastError } from './failure.ts';

/** Plain JSON: no `undefined`, no Date, no class instance. Numbers are finite and not -0. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };

/** Nesting deeper than this is refused: a recursive reader would otherwise run out of stack. */
export const MAX_JSON_DEPTH = 256;

/**
 * The canonical text of a plain JSON value. Pure; safe to repeat.
 * @throws HoldfastError `not-json` naming the path (`$.a[3].b`) of the first part that is not plain JSON.
 */
export function canonicalJson(value: unknown, rootPath = '$'): string {
  return write(value, { root: rootPath, keys: [], ancestors: [] });
}

/** How many bytes a plain JSON value takes in a payload. */
export function jsonBytes(value: Json): number {
  return utf8ToBytes(JSON.stringify(value)).length;
}

/** Checks that a value is plain JSON and returns it typed. @throws HoldfastError `not-json`. */
export function assertJson(value: unknown, rootPath = '$'): Json {
  canonicalJson(value, rootPath);
  return value as Json;
}

/** Where the writer stands. Paths are put together only for an error. */
interface Place {
  readonly root: string;
  readonly keys: (string | number)[];
  readonly ancestors: object[];
}

function write(value: unknown, place: Place): string {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed())
        throw notJson(place, 'is a string with a lone surrogate, which no JSON text can carry');
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      if (!Number.isFinite(value)) throw notJson(place, `is ${String(value)}, which JSON cannot hold`);
      if (Object.is(value, -0)) throw notJson(place, 'is -0, which JSON would turn into 0');
      return String(value);
    case 'object':
      break;
    default:
      throw notJson(place, `is ${value === undefined ? 'undefined' : 'a ' + typeof value}, not plain JSON`);
  }
  if (value === null) return 'null';
  if (place.ancestors.includes(value)) throw notJson(place, 'refers back to a value that contains it (a cycle)');
  if (place.ancestors.length >= MAX_JSON_DEPTH) throw notJson(place, `is nested deeper than ${MAX_JSON_DEPTH} levels`);
  place.ancestors.push(value);
  const text = Array.isArray(value) ? writeArray(value, place) : writeObject(value, place);
  place.ancestors.pop();
  return text;
}

function writeArray(value: readonly unknown[], place: Place): string {
  let text = '';
  for (let index = 0; index < value.length; index++) {
    place.keys.push(index);
    if (!(index in value)) throw notJson(place, 'is a hole in an array');
    text += `${index === 0 ? '' : ','}${write(value[index], place)}`;
    place.keys.pop();
  }
  if (Object.keys(value).length !== value.length) throw notJson(place, 'is an array with named properties');
  return `[${text}]`;
}

function writeObject(value: object, place: Place): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  // A Workflow's sandbox has its own Object.prototype, so "plain" is: a prototype that itself has none.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw notJson(place, `is a ${constructorName(value)}, not a plain object`);
  }
  if (Object.getOwnPropertySymbols(value).length > 0) throw notJson(place, 'has a symbol as a key');
  const entries = value as Record<string, unknown>;
  let text = '';
  for (const key of Object.keys(entries).sort()) {
    place.keys.push(key);
    if (!key.isWellFormed()) throw notJson(place, 'has a key with a lone surrogate, which no JSON text can carry');
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${write(entries[key], place)}`;
    place.keys.pop();
  }
  return `{${text}}`;
}

function constructorName(value: object): string {
  const name: unknown = (value as { constructor?: { name?: unknown } }).constructor?.name;
  return typeof name === 'string' && name !== '' ? name : 'class instance';
}

function notJson({ root, keys }: Place, problem: string): HoldfastError {
  const path = root + keys.map(pathPart).join('');
  return new HoldfastError('not-json', `${path} ${problem}.`, { path });
}

function pathPart(key: string | number): string {
  return typeof key === 'string' && /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}
