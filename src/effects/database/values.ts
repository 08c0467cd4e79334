/**
 * Database values as canonical JSON scalars, both ways.
 *
 * Invariants
 * 1. What JSON holds exactly stays as it is; all else carries a tag, an object with one key:
 *    `{"$int": "9007199254740993"}`, `{"$numeric": "21.50"}`, `{"$float": "NaN"}`, `{"$bytes": base64}`,
 *    `{"$json": …}` (a JSON column's content that would itself look like a tag, or JSON's null),
 *    `{"$oddtext": base64}` (text of SQLite whose bytes are no UTF-8),
 *    `{"$jsontext": "…"}` (JSON that JavaScript cannot parse without loss, or a part of which looks like a tag).
 * 2. Encoding what was decoded gives the database the same value again; `$oddtext` is refused.
 * 3. Text of dates, times and everything unknown is the database's own; no JavaScript Date comes near it.
 */
import type { Json } from '../../model/canonical-json.ts';
import { HoldfastError } from '../../model/failure.ts';
import { isExactNumber } from './exact-number.ts';
import { documentOfText, documentOfValue, documentText, hasPartsMeantOtherwise, literalText } from './json-document.ts';

export type Tag = '$int' | '$numeric' | '$float' | '$bytes' | '$oddtext' | '$json' | '$jsontext';
const TAGS: ReadonlySet<string> = new Set<Tag>([
  '$int',
  '$numeric',
  '$float',
  '$bytes',
  '$oddtext',
  '$json',
  '$jsontext',
]);

/** Text of SQLite whose bytes are no UTF-8: any program may have put it there. */
export class OddText extends Uint8Array {}

/** The tag of a canonical value, if it carries one. */
export function tagOf(value: Json): { readonly tag: Tag; readonly content: Json } | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const keys = Object.keys(value);
  const key = keys[0];
  if (keys.length !== 1 || key === undefined || !TAGS.has(key)) return undefined;
  const content = (value as Readonly<Record<string, Json>>)[key]!;
  if (key !== '$json' && typeof content !== 'string') return undefined;
  return { tag: key as Tag, content };
}

/**
 * What a step's code is given for a canonical value: exact numbers as decimal strings, bytes as Uint8Array, NaN as NaN,
 * documents as json-document.ts says. The canonical form stays what is recorded and compared.
 */
export function plainValue(value: Json): unknown {
  if (Array.isArray(value)) return value.map((element: Json) => plainValue(element));
  const tagged = tagOf(value);
  if (tagged === undefined) return documentOfValue(value);
  switch (tagged.tag) {
    case '$bytes':
    case '$oddtext':
      return new Uint8Array(Buffer.from(tagged.content as string, 'base64'));
    case '$float':
      return Number(tagged.content);
    case '$jsontext':
      return documentOfText(tagged.content as string);
    case '$json':
      return documentOfValue(tagged.content);
    default:
      return tagged.content;
  }
}

/** A whole number given as decimal text, as JSON number where that is exact. */
export function canonicalInteger(text: string): Json {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number + 0 : { $int: text };
}

/**
 * A floating point number; `keepReal` marks whole ones too, where the column would otherwise take them for integers.
 */
export function canonicalFloat(number: number, keepReal = false): Json {
  if (Object.is(number, -0)) return { $float: '-0' };
  if (!Number.isFinite(number) || (keepReal && Number.isInteger(number))) return { $float: String(number) };
  return number;
}

/** A JSON document's text, tagged where parsing would lose something or the content looks like a tag. */
export function canonicalJsonColumn(text: string): Json {
  let isExact = true;
  let value: Json;
  try {
    value = JSON.parse(text, (_key, part: unknown, context?: { source?: string }) => {
      if (typeof part === 'number' && !isExactNumber(part, context?.source ?? '')) isExact = false;
      if (typeof part === 'string' && !part.isWellFormed()) isExact = false;
      return part;
    }) as Json;
  } catch {
    isExact = false;
    value = null;
  }
  if (!isExact || hasPartsMeantOtherwise(value)) return { $jsontext: text };
  return value === null || looksTagged(value) ? { $json: value } : value;
}

/** Bytes as their tag. */
export function canonicalBytes(bytes: Uint8Array): Json {
  return { $bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64') };
}

/** What SQLite stored, with integers read as bigint. */
export function decodeSqlite(value: unknown, keepReal = false): Json {
  switch (typeof value) {
    case 'bigint':
      return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
        ? Number(value)
        : { $int: String(value) };
    case 'number':
      return canonicalFloat(value, keepReal);
    case 'string':
      return value;
    default:
      if (value instanceof OddText) return { $oddtext: Buffer.from(value).toString('base64') };
      return value instanceof Uint8Array ? canonicalBytes(value) : null;
  }
}

/**
 * What SQLite is given. Whole numbers go as bigint: a JavaScript number is bound as REAL, and TEXT would become '7.0'.
 * @throws HoldfastError `bad-input` for what SQLite cannot hold (NaN, a lone surrogate).
 */
export function encodeSqlite(value: Json): null | number | bigint | string | Uint8Array {
  switch (typeof value) {
    case 'string':
      return wellFormed(value);
    case 'number':
      return Number.isSafeInteger(value) ? BigInt(value) : value;
    case 'boolean':
      return value ? 1n : 0n;
    default:
  }
  if (value === null) return null;
  const tagged = tagOf(value);
  switch (tagged?.tag) {
    case '$int':
      return BigInt(tagged.content as string);
    case '$float':
      return notNaN(Number(tagged.content));
    case '$bytes':
      return Buffer.from(tagged.content as string, 'base64');
    case '$oddtext':
      throw new HoldfastError(
        'bad-input',
        'A text whose bytes are not UTF-8 cannot be written as text again. Mend it in the database ' +
          "(CAST(x'…' AS TEXT)), or write it as bytes.",
      );
    case '$numeric':
    case '$jsontext':
      return tagged.content as string;
    case '$json':
      return literalText(tagged.content);
    case undefined:
      return documentText(value);
  }
}

/** A column may be called `__proto__`. */
export function setOwn(record: Record<string, Json>, name: string, value: Json): void {
  if (name === '__proto__')
    Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true });
  else record[name] = value;
}

/** @throws HoldfastError `bad-input`: no database stores half of a surrogate pair. */
export function wellFormed(text: string): string {
  if (text.isWellFormed()) return text;
  throw new HoldfastError('bad-input', 'A text value holds a lone surrogate, which UTF-8 cannot carry.');
}

function notNaN(number: number): number {
  if (!Number.isNaN(number)) return number;
  throw new HoldfastError('bad-input', 'SQLite has no NaN; it would store NULL instead. Write null if that is meant.');
}

function looksTagged(value: Json): boolean {
  if (Array.isArray(value)) return value.some((element: Json) => looksTagged(element));
  if (typeof value !== 'object' || value === null) return false;
  const keys = Object.keys(value);
  return keys.length === 1 && keys[0]!.startsWith('$');
}
