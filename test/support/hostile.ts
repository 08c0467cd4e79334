/** Hostile input for property tests: sound documents that somebody has altered, and what should come of them. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Json } from '../../src/model/canonical-json.ts';
import { isFailure } from '../../src/model/failure.ts';

const LONG = 70_000;
const DEEP = 2_000;

/** What has broken programs before. */
const BAD_TEXTS = [
  '',
  ' ',
  '.',
  '..',
  '../../etc/passwd',
  '/etc/passwd',
  'a/../../b',
  'a\0b',
  '\u001b[2J\u001b]0;owned\u0007',
  '\u202egnp.exe',
  'e\u0301',
  '\ud800',
  '\udfff\ud800',
  '\ufeff',
  'CON',
  'a:b',
  '__proto__',
  'constructor',
  'toString',
  "'; DROP TABLE canary; --",
  '"; DELETE FROM canary; --',
  '%s%n',
  '%',
  '%zz',
  '$(touch owned)',
  '`touch owned`',
  '${{ steps.a.output }}',
  '${{ env.HOME }}',
  '${{',
  'row:main/t/{',
  'row:main/t/{]}',
  'token:%/x',
  'NaN',
  '1e999',
  '-0',
  'null',
  '2026-02-30T25:61:61Z',
] as const;

const BAD_NUMBERS = [0, -0, -1, 0.1, 1e308, 5e-324, 2 ** 31, 2 ** 53, -(2 ** 63)];

export const hostileText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...BAD_TEXTS) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(...BAD_TEXTS), fc.constantFrom(...BAD_TEXTS)).map(([a, b]) => a + b),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('a'.repeat(LONG), '('.repeat(5_000), '${{'.repeat(2_000), '../'.repeat(5_000)),
  },
);

const shallowValue: fc.Arbitrary<Json> = fc.oneof(
  hostileText,
  fc.constantFrom<Json>(...BAD_NUMBERS, null, true, false, [], {}),
  fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>,
);
const deepValue = fc.constantFrom(
  () => nested((inner) => [inner]),
  () => nested((inner) => ({ a: inner })),
);
/** Makes a value of its own each time. */
const hostileValue: fc.Arbitrary<() => Json> = fc.oneof(
  { weight: 6, arbitrary: shallowValue.map((value) => () => structuredClone(value)) },
  { weight: 1, arbitrary: deepValue },
);

function nested(around: (inner: Json) => Json): Json {
  let value: Json = null;
  for (let level = 0; level < DEEP; level++) value = around(value);
  return value;
}

interface Alteration {
  readonly place: number;
  readonly how: 'replace' | 'remove' | 'rename' | 'add' | 'repeat';
  readonly name: string;
  /** A value of its own each time. */
  readonly make: () => Json;
}

const alteration: fc.Arbitrary<Alteration> = fc.record({
  place: fc.nat(10_000),
  how: fc.constantFrom('replace', 'replace', 'remove', 'rename', 'add', 'repeat'),
  name: hostileText,
  make: hostileValue,
});

/** A sound document, altered at up to four places. */
export function hostileJson(...sound: readonly Json[]): fc.Arbitrary<Json> {
  return fc
    .tuple(fc.constantFrom(...sound), fc.array(alteration, { minLength: 1, maxLength: 4 }))
    .map(([document, alterations]) => alterations.reduce(altered, structuredClone(document)));
}

function altered(document: Json, { place, how, name, make }: Alteration): Json {
  const value = make();
  const holders = holdersIn(document);
  if (holders.length === 0) return value;
  const holder = holders[place % holders.length]!;
  if (Array.isArray(holder)) {
    const at = holder.length === 0 ? 0 : place % holder.length;
    if (how === 'remove') holder.splice(at, 1);
    else if (how === 'repeat') holder.push(...holder.slice(0, 100));
    else if (how === 'add') holder.push(value);
    else holder[at] = value;
    return document;
  }
  const names = Object.keys(holder);
  const at = names[place % Math.max(1, names.length)];
  const set = (field: string, to: Json): void => {
    // An own field, whatever its name.
    Object.defineProperty(holder, field, { value: to, enumerable: true, configurable: true, writable: true });
  };
  if (at === undefined || how === 'add' || how === 'repeat') set(name, value);
  else if (how === 'replace') set(at, value);
  else {
    const before = holder[at]!;
    delete holder[at];
    if (how === 'rename') set(name, before);
  }
  return document;
}

type Holder = Json[] | { [name: string]: Json };

/** Everything in it that has parts, itself first. */
function holdersIn(document: Json): readonly Holder[] {
  const found: Holder[] = [];
  const waiting: Json[] = [document];
  for (let value = waiting.pop(); value !== undefined && found.length < 5_000; value = waiting.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    found.push(value as Holder);
    waiting.push(...(Object.values(value) as Json[]));
  }
  return found;
}

/** Sound bytes, altered at up to four places: a piece is replaced, cut out, repeated, or what follows is cut off. */
export function hostileBytes(...sound: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const splice = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.oneof(fc.nat(4), fc.nat(600)),
    how: fc.constantFrom('replace', 'replace', 'remove', 'repeat', 'cut'),
    bytes: fc.uint8Array({ maxLength: 40 }),
  });
  return fc.tuple(fc.constantFrom(...sound), fc.array(splice, { minLength: 1, maxLength: 4 })).map(([bytes, splices]) =>
    splices.reduce((all: Buffer, { at, length, how, bytes: put }) => {
      const from = Math.floor(at * all.length);
      const head = all.subarray(0, from);
      const piece = all.subarray(from, from + length);
      const tail = all.subarray(from + length);
      if (how === 'cut') return Buffer.from(head);
      if (how === 'remove') return Buffer.concat([head, tail]);
      return how === 'repeat' ? Buffer.concat([head, piece, piece, tail]) : Buffer.concat([head, put, tail]);
    }, bytes),
  );
}

/** Sound texts altered as bytes are, and others. */
export function hostileTexts(...sound: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 3, arbitrary: hostileBytes(...sound.map((text) => Buffer.from(text))).map((bytes) => bytes.toString()) },
    { weight: 1, arbitrary: hostileText },
  );
}

const MOST_TOLD = 100_000;

/** It is taken, or refused by a failure of the closed list that says what is wrong and what to do. */
export async function takenOrRefused(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isFailure(error)) throw error;
    for (const told of [error.message, error.nextStep]) {
      assert.ok(told.trim() !== '', `${error.type}: nothing is said`);
      assert.ok(told.length <= MOST_TOLD, `${error.type}: ${told.length} characters are said`);
    }
  }
}

// oxlint-disable-next-line no-control-regex -- looked for on purpose
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/u;

/** It is a text that a terminal shows and does not obey. */
export function assertShowable(text: string): void {
  assert.ok(!OBEYED.test(text), `a terminal would obey ${JSON.stringify(OBEYED.exec(text)?.[0])}`);
}
