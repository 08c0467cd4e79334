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
import { cutAt } from './shown-value.ts';

/** Plain JSON: no `undefined`, no Date, no class instance. Numbers are finite and not -0. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };

/** Nesting deeper than this is refused: a recursive reader would otherwise run out of stack. */
export const MAX_JSON_DEPTH = 256;

/** More keys than these are left to `sort`. */
const MAX_KEYS_BY_HAND = 16;
/** How many keys' texts are kept, and of how long keys. */
const MAX_KEY_TEXTS = 1000;
const MAX_KEPT_KEY_LENGTH = 64;
/** Of the path that an error names: a key may be as long as its author likes. */
const MAX_PATH_LENGTH = 1_000;
const keyTexts = new Map<string, string>();

/**
 * The canonical text of a plain JSON value. Pure; safe to repeat.
 * @throws HoldfastError `not-json` naming the path (`$.a[3].b`) of the first part that is not plain JSON.
 */
export function canonicalJson(value: unknown, rootPath = '$'): string {
  try {
    return write(value, []);
  } catch (error) {
    throw error instanceof Fault ? notJson(rootPath, error) : error;
  }
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

/** What is refused before a schema sees it: its reader calls itself for each level, and runs out of stack. */
export const TOO_DEEP = `is nested deeper than ${MAX_JSON_DEPTH} levels`;

/** Is anything in it nested deeper than `MAX_JSON_DEPTH`, or within itself? Never throws. */
export function isTooDeep(value: unknown): boolean {
  return isDeeper(value, MAX_JSON_DEPTH);
}

/** For whoever hands a value to a schema. @throws HoldfastError `not-json`: it is nested deeper than that */
export function refuseTooDeep(value: unknown, rootPath: string): void {
  if (isTooDeep(value)) assertJson(value, rootPath);
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((part) => isDeeper(part, levels - 1));
}

/** What is no plain JSON, and where: the keys are gathered on the way out, since only an error needs them. */
class Fault extends Error {
  readonly keys: (string | number)[] = [];

  within(key: string | number): this {
    this.keys.unshift(key);
    return this;
  }
}

function write(value: unknown, ancestors: object[]): string {
  switch (typeof value) {
    case 'string':
      return writeString(value, 'is a string');
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      if (!Number.isFinite(value)) throw new Fault(`is ${String(value)}, which JSON cannot hold`);
      if (Object.is(value, -0)) throw new Fault('is -0, which JSON would turn into 0');
      return String(value);
    case 'object':
      break;
    default:
      throw new Fault(`is ${value === undefined ? 'undefined' : 'a ' + typeof value}, not plain JSON`);
  }
  if (value === null) return 'null';
  if (ancestors.includes(value)) throw new Fault('refers back to a value that contains it (a cycle)');
  if (ancestors.length >= MAX_JSON_DEPTH) throw new Fault(TOO_DEEP);
  ancestors.push(value);
  const text = Array.isArray(value) ? writeArray(value, ancestors) : writeObject(value, ancestors);
  ancestors.pop();
  return text;
}

function writeString(value: string, what: string): string {
  if (!value.isWellFormed()) throw new Fault(`${what} with a lone surrogate, which no JSON text can carry`);
  return JSON.stringify(value);
}

function writeArray(value: readonly unknown[], ancestors: object[]): string {
  let text = '[';
  for (let index = 0; index < value.length; index++) {
    try {
      if (!(index in value)) throw new Fault('is a hole in an array');
      if (index > 0) text += ',';
      text += write(value[index], ancestors);
    } catch (error) {
      throw error instanceof Fault ? error.within(index) : error;
    }
  }
  if (Object.keys(value).length !== value.length) throw new Fault('is an array with named properties');
  return text + ']';
}

/** Is it no list and no class instance? */
export function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  // A Workflow's sandbox has its own Object.prototype, so "plain" is: a prototype that itself has none.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function writeObject(value: object, ancestors: object[]): string {
  if (!isPlainObject(value)) throw new Fault(`is a ${constructorName(value)}, not a plain object`);
  if (Object.getOwnPropertySymbols(value).length > 0) throw new Fault('has a symbol as a key');
  const entries = value as Record<string, unknown>;
  let text = '{';
  for (const key of sortedKeys(value)) {
    try {
      if (text.length > 1) text += ',';
      text += keyText(key) + write(entries[key], ancestors);
    } catch (error) {
      throw error instanceof Fault ? error.within(key) : error;
    }
  }
  return text + '}';
}

/** Sorted by hand where there are few: most records have few keys, and `sort` takes longer to begin than that takes. */
function sortedKeys(value: object): readonly string[] {
  const keys = Object.keys(value);
  if (keys.length > MAX_KEYS_BY_HAND) return keys.sort();
  for (let next = 1; next < keys.length; next++) {
    const key = keys[next]!;
    let place = next;
    for (; place > 0 && keys[place - 1]! > key; place--) keys[place] = keys[place - 1]!;
    keys[place] = key;
  }
  return keys;
}

/** A key as it is written, with its colon. Records have the same keys again and again. */
function keyText(key: string): string {
  const known = keyTexts.get(key);
  if (known !== undefined) return known;
  const text = writeString(key, 'has a key') + ':';
  if (keyTexts.size < MAX_KEY_TEXTS && key.length <= MAX_KEPT_KEY_LENGTH) keyTexts.set(key, text);
  return text;
}

function constructorName(value: object): string {
  const name: unknown = (value as { constructor?: { name?: unknown } }).constructor?.name;
  return typeof name === 'string' && name !== '' ? name : 'class instance';
}

function notJson(root: string, { keys, message }: Fault): HoldfastError {
  const path = cutAt(root + keys.map(pathPart).join(''), MAX_PATH_LENGTH);
  return new HoldfastError('not-json', `${path} ${message}.`, { path });
}

function pathPart(key: string | number): string {
  return typeof key === 'string' && /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}
