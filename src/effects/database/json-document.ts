/**
 * JSON documents of a database as a step's code sees them, and as it writes them.
 *
 * Invariants
 * 1. What code is given can be written back, whole or as a part of another document, and is the same: a number that no
 *    JavaScript number holds is `{"$numeric": "81234567890123456789"}`, digit by digit.
 * 2. A document that itself holds such an object is given as `{"$json": …}`, which is written as it is.
 */
import type { Json, JsonObject } from '../../model/canonical-json.ts';
import { isExactNumber } from './exact-number.ts';

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** Objects of one of these keys alone mean something else than themselves where code writes them. */
const MEANT_OTHERWISE: ReadonlySet<string> = new Set(['$numeric', '$json', '$jsontext']);

/** A document's text that JavaScript can't parse without loss; text that is no JSON stays text. */
export function documentOfText(text: string): unknown {
  try {
    return JSON.parse(text, (_key, part: unknown, context?: { source?: string }) => {
      const source = context?.source ?? '';
      if (typeof part === 'number') return isExactNumber(part, source) ? part : { $numeric: source };
      return escaped(part as Json);
    });
  } catch {
    return text;
  }
}

/** A document that JavaScript holds exactly. */
export function documentOfValue(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((part: Json) => documentOfValue(part));
  const parts = Object.entries(value).map(([key, part]) => [key, documentOfValue(part)] as const);
  return escaped(Object.fromEntries(parts));
}

/** The text of a document that code writes. */
export function documentText(value: Json): string {
  if (!isMeantOtherwise(value)) return literalText(value);
  const { $json, $numeric } = value;
  if ($json !== undefined) return literalText($json);
  return typeof $numeric === 'string' && NUMBER.test($numeric) ? $numeric : literalText(value);
}

/** The same, of a value that means itself; its parts may not. */
export function literalText(value: Json): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((part: Json) => documentText(part)).join(',')}]`;
  const parts = Object.entries(value).map(([key, part]) => `${JSON.stringify(key)}:${documentText(part)}`);
  return `{${parts.join(',')}}`;
}

/** Would code that writes this document as it is mean something else by a part of it? */
export function hasPartsMeantOtherwise(document: Json): boolean {
  if (typeof document !== 'object' || document === null) return false;
  return Object.values(document).some((part: Json) => isMeantOtherwise(part) || hasPartsMeantOtherwise(part));
}

function escaped(part: Json): Json {
  return isMeantOtherwise(part) ? { $json: part } : part;
}

function isMeantOtherwise(part: Json): part is JsonObject {
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return false;
  const keys = Object.keys(part);
  return keys.length === 1 && MEANT_OTHERWISE.has(keys[0]!);
}
