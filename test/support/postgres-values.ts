/** What may be in a column of PostgreSQL, by its type: values as a record holds them. */
import fc from 'fast-check';
import type { Json } from '../../src/model/canonical-json.ts';
import type { Conformance } from './database-subject.ts';

const text = fc
  .string({ unit: 'binary', maxLength: 40 })
  .filter((value) => value.isWellFormed() && !value.includes('\0'));
const isSafe = (value: bigint): boolean =>
  value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER);
const bigint = fc
  .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  .map((value): Json => (isSafe(value) ? Number(value) : { $int: String(value) }));
const numeric = fc.oneof(
  fc.maxSafeInteger(),
  fc
    .tuple(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.stringMatching(/^\d{1,30}$/))
    .map(([whole, fraction]) => ({ $numeric: `${whole}.${fraction}` })),
  fc.constantFrom({ $numeric: 'NaN' }, { $numeric: 'Infinity' }, { $numeric: '-Infinity' }),
);
const float = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
  fc.constantFrom({ $float: 'NaN' }, { $float: 'Infinity' }, { $float: '-Infinity' }, { $float: '-0' }),
);
const bytes = fc.uint8Array({ maxLength: 40 }).map((value) => ({ $bytes: Buffer.from(value).toString('base64') }));
const noNul = (value: unknown): boolean => !JSON.stringify(value).includes('\\u0000');
// Made from its text, as canonical JSON refuses -0.
const json = fc
  .jsonValue({ stringUnit: 'grapheme' })
  .map((value) => JSON.parse(JSON.stringify(value)) as fc.JsonValue)
  .filter((value) => noNul(value) && value !== null);
/** Values that look like a tag come back inside a tag; the constants have some. */
const looksTagged = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.some(looksTagged)
    : typeof value === 'object' &&
      value !== null &&
      Object.keys(value).length === 1 &&
      Object.keys(value)[0]!.startsWith('$');
const document = fc.oneof(
  json.filter((value) => !looksTagged(value)),
  fc.constantFrom(
    { $json: null },
    { $json: { $bytes: 'AAAA' } },
    { $json: [{ $int: '1' }] },
    { $json: { $anything: 1 } },
  ),
);
const timestamp = fc
  .tuple(fc.integer({ min: 1, max: 9999 }), fc.integer({ min: 100_000, max: 999_999 }))
  .map(([year, micros]) => `${String(year).padStart(4, '0')}-02-03 04:05:06.${micros}`.replace(/0+$/, ''));

export const POSTGRES_COLUMNS: Conformance['valueColumns'] = [
  { type: 'text', values: text },
  { type: 'int8', values: bigint },
  { type: 'numeric', values: numeric },
  { type: 'float8', values: float },
  { type: 'bytea', values: bytes },
  { type: 'boolean', values: fc.boolean() },
  { type: 'jsonb', values: document as fc.Arbitrary<Json> },
  {
    type: 'json',
    values: fc.oneof(
      document as fc.Arbitrary<Json>,
      fc.constantFrom(
        { $jsontext: '{"a": 1.00000000000000000001}' },
        { $jsontext: '[12345678901234567890]' },
        { $jsontext: '-0' },
      ),
    ),
  },
  { type: 'timestamp', values: timestamp },
  {
    type: 'timestamptz',
    values: fc.oneof(
      timestamp.map((value) => `${value}+00`),
      fc.constantFrom('infinity', '-infinity'),
    ),
  },
  {
    type: 'int4[]',
    values: fc.oneof(
      fc.array(fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }))),
      fc.constantFrom([
        [1, 2],
        [3, null],
      ]),
    ),
  },
  {
    type: 'text[]',
    values: fc.array(fc.option(fc.oneof(text, fc.constantFrom('NULL', '', '{a,b}', '"', '\\', ' x ')))),
  },
  { type: 'bytea[]', values: fc.array(bytes) },
  {
    type: 'jsonb[]',
    values: fc.array(
      fc.constantFrom({ a: [1] }, { $json: null }, null, 'x', { $json: { $b: 1 } }),
    ) as fc.Arbitrary<Json>,
  },
  { type: 'uuid', values: fc.uuid() },
];
