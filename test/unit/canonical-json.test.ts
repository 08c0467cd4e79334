import assert from 'node:assert/strict';
import { test } from 'node:test';
import vm from 'node:vm';
import fc from 'fast-check';
import { canonicalJson, MAX_JSON_DEPTH } from '../../src/model/canonical-json.ts';
import { isFailure } from '../../src/model/failure.ts';

/** JSON values that a JSON text can carry. */
const json = fc
  .jsonValue({ noUnicodeString: false })
  .filter((value) => !JSON.stringify(value).includes('\\ud') && !hasNegativeZero(value));

function hasNegativeZero(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).some(hasNegativeZero);
  return Object.is(value, -0);
}

function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, shuffled(member)]),
  );
}

test('one value has one text, whatever the order of its keys; the text reads back as the value', () => {
  fc.assert(
    fc.property(json, (value) => {
      const text = canonicalJson(value);
      assert.equal(canonicalJson(shuffled(value)), text);
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
      assert.equal(canonicalJson(JSON.parse(text)), text);
    }),
  );
});

test('two values have one text only if they are equal', () => {
  fc.assert(
    fc.property(json, json, (a, b) => {
      const same = JSON.stringify(shuffled(a)) === JSON.stringify(shuffled(b));
      if (same) assert.equal(canonicalJson(a), canonicalJson(b));
      else if (canonicalJson(a) === canonicalJson(b))
        assert.deepEqual(JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b)));
    }),
  );
});

test('keys are sorted by UTF-16 code units, numbers written as JSON does (RFC 8785)', () => {
  assert.equal(
    canonicalJson({ '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 }),
    '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}',
  );
  assert.equal(
    canonicalJson([Number('333333333.33333329'), 1e30, 4.5, 2e-3, 1e-27]),
    '[333333333.3333333,1e+30,4.5,0.002,1e-27]',
  );
});

class Point {
  readonly x = 1;
}
const cyclic: Record<string, unknown> = {};
cyclic['a'] = [cyclic];
const BAD: readonly (readonly [string, unknown, string])[] = [
  ['undefined', { a: undefined }, '$.a is undefined'],
  ['NaN', [1, Number.NaN], '$[1] is NaN'],
  ['infinity', { a: { b: Infinity } }, '$.a.b is Infinity'],
  ['-0', [-0], '$[0] is -0'],
  ['a bigint', { n: 1n }, '$.n is a bigint'],
  ['a function', { f: () => 1 }, '$.f is a function'],
  ['a Date', { at: new Date(0) }, '$.at is a Date'],
  ['a Map', { m: new Map() }, '$.m is a Map'],
  ['a class instance', { p: new Point() }, '$.p is a Point'],
  ['a hole', Object.assign([1], { length: 2 }), '$[1] is a hole'],
  ['an array with properties', Object.assign([1], { extra: 1 }), '$ is an array with named properties'],
  ['a symbol key', { [Symbol('s')]: 1 }, '$ has a symbol as a key'],
  ['a cycle', cyclic, '$.a[0] refers back'],
  ['a lone surrogate', { 'a b': '\ud800' }, '$["a b"] is a string with a lone surrogate'],
];
for (const [name, value, message] of BAD) {
  test(`refuses ${name} and names its path`, () => {
    assert.throws(
      () => canonicalJson(value),
      (error) => isFailure(error, 'not-json') && error.message.includes(message),
    );
  });
}

test('what is used twice without a cycle is plain JSON; a plain object of another realm is plain', () => {
  const shared = { a: 1 };
  assert.equal(canonicalJson([shared, shared]), '[{"a":1},{"a":1}]');
  assert.equal(canonicalJson(vm.runInNewContext('({ b: [1], a: null })')), '{"a":null,"b":[1]}');
});

test('nesting is bounded', () => {
  let deep: unknown = 1;
  for (let level = 0; level < MAX_JSON_DEPTH; level++) deep = [deep];
  assert.equal(canonicalJson(deep).length, 2 * MAX_JSON_DEPTH + 1);
  assert.throws(
    () => canonicalJson([deep]),
    (error) => isFailure(error, 'not-json'),
  );
});
