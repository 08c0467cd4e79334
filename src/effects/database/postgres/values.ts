/**
 * PostgreSQL's text format to canonical scalars and back.
 *
 * Invariants
 * 1. The parsers belong to our connections alone (`types` of the client); nothing global is changed.
 * 2. Dates, times, intervals and every type not named here stay the text that the server prints.
 * 3. Parameters go as text, whose type the server infers from the column; only bytes go as bytes.
 */
import type { Json } from '../../../model/canonical-json.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { documentText, literalText } from '../json-document.ts';
import { canonicalBytes, canonicalFloat, canonicalInteger, canonicalJsonColumn, tagOf, wellFormed } from '../values.ts';

type Parse = (text: string) => Json;

/** Object ids of pg_type.dat: fixed for ever. The second is the array's. */
const PARSERS: readonly (readonly [oids: readonly [scalar: number, array: number], parse: Parse])[] = [
  [[16, 1000], (text) => text === 't'],
  [[17, 1001], parseBytes],
  [[20, 1016], canonicalInteger],
  [[21, 1005], canonicalInteger],
  [[23, 1007], canonicalInteger],
  [[26, 1028], canonicalInteger],
  [[700, 1021], parseFloating],
  [[701, 1022], parseFloating],
  [[1700, 1231], parseNumeric],
  [[114, 199], canonicalJsonColumn],
  [[3802, 3807], canonicalJsonColumn],
];
/**
 * Arrays of types whose elements stay text: name, char, text, bpchar, varchar, date, time, timestamp, timestamptz,
 * interval, timetz, uuid, inet, cidr.
 */
const TEXT_ARRAYS: readonly number[] = [
  1003, 1002, 1009, 1014, 1015, 1182, 1183, 1115, 1185, 1187, 1270, 2951, 1041, 651,
];

/** For the `types` option of a client. */
export function postgresTypes(): { getTypeParser(oid: number): Parse } {
  const parsers = new Map<number, Parse>();
  for (const [[scalar, array], parse] of PARSERS) {
    parsers.set(scalar, parse);
    parsers.set(array, (text) => parseArray(text, parse));
  }
  for (const array of TEXT_ARRAYS) parsers.set(array, (text) => parseArray(text, (element) => element));
  const asText: Parse = (text) => text;
  return { getTypeParser: (oid) => parsers.get(oid) ?? asText };
}

/** How a column wants its values; a parameter of a step's own statement has no column. */
export interface ParameterType {
  readonly type: string;
  /** Is the value, or its elements, JSON? */
  readonly isJson: boolean;
  /** Is the type an array, or a domain over one? */
  readonly isArray?: boolean;
}

/**
 * What the server is given for a canonical value. Without a column an array is a PostgreSQL array and an object JSON;
 * `{"$json": …}` says otherwise. @throws HoldfastError `bad-input`.
 */
export function encodePostgres(value: Json, column?: ParameterType): string | Buffer | null {
  const tagged = value === null ? undefined : tagOf(value);
  return tagged?.tag === '$bytes' && column?.isJson !== true
    ? Buffer.from(tagged.content as string, 'base64')
    : encodeText(value, column);
}

/** Values of one column as an array parameter. */
export function encodePostgresArray(values: readonly Json[], column: ParameterType): string {
  return arrayLiteral(values, (value) => encodeText(value, column));
}

function encodeText(value: Json, column?: ParameterType): string | null {
  if (value === null) return null;
  const tagged = tagOf(value);
  if (tagged?.tag === '$jsontext') return wellFormed(tagged.content as string);
  if (tagged?.tag === '$json') return literalText(tagged.content);
  if (column?.isJson === true) {
    if (!isArrayType(column)) return documentText(value);
    // An array that only its text can show, such as one of a domain, or with other bounds than from 1.
    if (typeof value === 'string') return withoutNul(wellFormed(value));
    if (!Array.isArray(value)) return documentText(value);
  }
  if (tagged?.tag === '$bytes') return `\\x${Buffer.from(tagged.content as string, 'base64').toString('hex')}`;
  if (tagged !== undefined) return tagged.content as string;
  switch (typeof value) {
    case 'string':
      return withoutNul(wellFormed(value));
    case 'number':
    case 'boolean':
      return String(value);
    default:
  }
  if (Array.isArray(value)) {
    const element =
      column === undefined ? undefined : { ...column, type: column.type.replace(/\[\]$/, ''), isArray: false };
    return arrayLiteral(value as readonly Json[], (part) => encodeText(part, element));
  }
  return documentText(value);
}

function isArrayType({ type, isArray }: ParameterType): boolean {
  return isArray === true || type.endsWith('[]');
}

function arrayLiteral(values: readonly Json[], encode: (value: Json) => string | null): string {
  const parts = values.map((value) => {
    const text = encode(value);
    if (text === null) return 'NULL';
    // An array within is part of the same literal, not a quoted element; everything else is quoted, which no type
    // minds.
    return Array.isArray(value) && text.startsWith('{')
      ? text
      : `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  });
  return `{${parts.join(',')}}`;
}

function withoutNul(text: string): string {
  if (!text.includes('\0')) return text;
  throw new HoldfastError(
    'bad-input',
    'A text value holds a NUL character, which PostgreSQL cannot store. Write it as bytes, or leave it out.',
  );
}

function parseBytes(text: string): Json {
  return canonicalBytes(Buffer.from(text.slice(2), 'hex'));
}

function parseFloating(text: string): Json {
  return canonicalFloat(Number(text));
}

/** Whole and safe: a number. A scale is part of the value (`21.50`), so it keeps its digits. */
function parseNumeric(text: string): Json {
  const number = Number(text);
  return /^-?\d+$/.test(text) && Number.isSafeInteger(number) ? number : { $numeric: text };
}

/** `{1,NULL,"a \"b\"",{2}}`. One with other bounds than from 1 (`[0:1]={…}`) stays text. */
function parseArray(text: string, parse: Parse): Json {
  if (!text.startsWith('{')) return text;
  const root: Json[] = [];
  const open: Json[][] = [root];
  const element = /"((?:[^"\\]|\\.)*)"|[{},]|[^{},"]+/gs;
  element.lastIndex = 1;
  for (let match = element.exec(text); match !== null; match = element.exec(text)) {
    const [token, quoted] = match;
    const current = open.at(-1)!;
    if (quoted !== undefined) current.push(parse(quoted.replace(/\\(.)/gs, '$1')));
    else if (token === '{') {
      const inner: Json[] = [];
      current.push(inner);
      open.push(inner);
    } else if (token === '}') open.pop();
    else if (token !== ',') current.push(token === 'NULL' ? null : parse(token));
  }
  return root;
}
