/**
 * Canonical JSON: one text for one value, so that a digest of it is a digest of the value.
 *
 * Invariants
 * 1. Object keys are sorted by UTF-16 code units, numbers and strings are written as `JSON.stringify` does (RFC 8785).
 * 2. Only plain JSON is accepted. A Date, NaN, -0, bigint, function, class instance, undefined, hole, symbol key or
 *    cycle is an error that names the path; nothing is coerced or dropped.
 */
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { HoldfastError } from './failure.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** Nesting deeper than this is refused: a recursive reader would otherwise run out of stack. */
export const MAX_JSON_DEPTH = 256;

/**
 * The canonical text of a plain JSON value. Pure; safe to repeat.
 * @throws HoldfastError `not-json` naming the path (`$.a[3].b`) of the first part that is not plain JSON.
 */
export function canonicalJson(value: unknown, rootPath = '$'): string {
  return write(value, rootPath, new Set(), 0);
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

function write(value: unknown, path: string, ancestors: Set<object>, depth: number): string {
  if (depth > MAX_JSON_DEPTH) throw notJson(path, `is nested deeper than ${MAX_JSON_DEPTH} levels`);
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw notJson(path, 'is a string with a lone surrogate, which no JSON text can carry');
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      if (!Number.isFinite(value)) throw notJson(path, `is ${String(value)}, which JSON cannot hold`);
      if (Object.is(value, -0)) throw notJson(path, 'is -0, which JSON would turn into 0');
      return JSON.stringify(value);
    case 'object':
      break;
    default:
      throw notJson(path, `is ${typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`}, not plain JSON`);
  }
  if (value === null) return 'null';
  if (ancestors.has(value)) throw notJson(path, 'refers back to a value that contains it (a cycle)');
  ancestors.add(value);
  const text = Array.isArray(value) ? writeArray(value, path, ancestors, depth) : writeObject(value, path, ancestors, depth);
  ancestors.delete(value);
  return text;
}

function writeArray(value: readonly unknown[], path: string, ancestors: Set<object>, depth: number): string {
  const parts: string[] = [];
  for (let index = 0; index < value.length; index++) {
    if (!(index in value)) throw notJson(`${path}[${index}]`, 'is a hole in an array');
    parts.push(write(value[index], `${path}[${index}]`, ancestors, depth + 1));
  }
  if (Object.keys(value).length !== value.length) throw notJson(path, 'is an array with named properties');
  return `[${parts.join(',')}]`;
}

function writeObject(value: object, path: string, ancestors: Set<object>, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  // A Workflow's sandbox has its own Object.prototype, so "plain" is: a prototype that itself has none.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw notJson(path, `is a ${constructorName(value)}, not a plain object`);
  }
  if (Object.getOwnPropertySymbols(value).length > 0) throw notJson(path, 'has a symbol as a key');
  const entries = value as Record<string, unknown>;
  const parts = Object.keys(entries)
    .sort()
    .map((key) => `${write(key, `${path} key`, ancestors, depth)}:${write(entries[key], memberPath(path, key), ancestors, depth + 1)}`);
  return `{${parts.join(',')}}`;
}

function memberPath(path: string, key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
}

function constructorName(value: object): string {
  const name: unknown = (value as { constructor?: { name?: unknown } }).constructor?.name;
  return typeof name === 'string' && name !== '' ? name : 'class instance';
}

function notJson(path: string, problem: string): HoldfastError {
  return new HoldfastError('not-json', `${path} ${problem}.`, { path });
}
