import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../../src/model/canonical-json.ts';
import { escapeText } from '../../src/model/plan/reference/template.ts';
import { joinPath, type PathPart, type Scope } from '../../src/model/plan/reference/reference.ts';
import { referencesOf } from '../../src/model/plan/reference/references.ts';
import { resolve } from '../../src/model/plan/reference/resolve.ts';
import { HoldfastError, isFailure } from '../../src/model/failure.ts';

const SCOPE: Scope = {
  input: { city: 'Oslo', count: 3, flags: { dry: true }, constructorLike: {} },
  state: { total: 12, rows: [{ id: 7 }] },
  steps: new Map<string, Json>([['gather', { rows: [{ name: 'a', 'wind speed': 4 }], empty: null }]]),
  job: { id: 'job-1' },
};

function refusal(value: Json, scope: Scope = SCOPE): HoldfastError {
  try {
    const result = resolve(value, scope);
    assert.fail(`resolved to ${JSON.stringify(result)}`);
  } catch (error) {
    if (error instanceof HoldfastError) return error;
    throw error;
  }
}

test('a reference alone keeps the type of what it refers to', () => {
  assert.deepEqual(resolve('${{ steps.gather.output.rows }}', SCOPE), [{ name: 'a', 'wind speed': 4 }]);
  assert.equal(resolve('${{ input.count }}', SCOPE), 3);
  assert.equal(resolve('${{input.flags.dry}}', SCOPE), true);
  assert.equal(resolve('${{ steps.gather.output.empty }}', SCOPE), null);
  assert.equal(resolve('${{ steps.gather.output.rows[0]["wind speed"] }}', SCOPE), 4);
  assert.equal(resolve('${{ state.rows[0].id }}', SCOPE), 7);
});

test('references inside longer text become text', () => {
  assert.equal(
    resolve('${{ input.city }}: ${{ input.count }} (${{ input.flags.dry }}), ${{ job.id }}', SCOPE),
    'Oslo: 3 (true), job-1',
  );
});

test('references are replaced in lists and objects, never in names', () => {
  assert.deepEqual(resolve({ a: ['${{ input.count }}', 1], '${{ b }}': null }, SCOPE), { a: [3, 1], '${{ b }}': null });
});

test('refuses an object, a list or null inside longer text and says to use the reference alone', () => {
  for (const text of ['x ${{ input.flags }}', 'x ${{ state.rows }}', 'x ${{ steps.gather.output.empty }}']) {
    const error = refusal(text);
    assert.equal(error.type, 'bad-input');
    assert.match(error.message, /use the reference alone/);
  }
});

test('a missing value is an error that names the reference, what is there, and what was probably meant', () => {
  assert.equal(
    refusal('${{ steps.gather.output.rowz }}').message,
    '${{ steps.gather.output.rowz }} has no value: steps.gather.output holds rows, empty; did you mean "rows"?',
  );
  assert.match(
    refusal('${{ steps.gather.output.rows[4].name }}').message,
    /steps\.gather\.output\.rows holds a list of 1/,
  );
  assert.match(
    refusal('${{ input.city.name }}').message,
    /input\.city is the string "Oslo", and "name" names a member/,
  );
  assert.match(refusal('${{ input[0] }}').message, /input is an object, and \[0\] names an item of a list/);
  assert.match(refusal('${{ state.totl }}').message, /state holds total, rows; did you mean "total"/);
});

test('members that every JavaScript object inherits are no values', () => {
  for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty'])
    assert.equal(refusal(`\${{ input.${name} }}`).type, 'bad-input');
  assert.equal(refusal('${{ state.constructor }}').type, 'bad-input');
  assert.equal(refusal('${{ env.constructor }}', { env: {} }).type, 'missing-variable');
  assert.match(refusal('${{ state.rows.length }}').message, /names a member of an object/);
});

test('a root that has no place here is an error that says which have', () => {
  assert.match(refusal('${{ env.HOME }}').message, /cannot be used here; usable here: input, state, steps, job/);
});

test('a variable that is not set or empty is named, its value never shown', () => {
  assert.equal(
    resolve('${{ env.DATABASE_URL }}', { env: { DATABASE_URL: 'postgres://u:p@h/d' } }),
    'postgres://u:p@h/d',
  );
  for (const env of [{}, { DATABASE_URL: '' }]) {
    const error = refusal('${{ env.DATABASE_URL }}', { env });
    assert.equal(error.type, 'missing-variable');
    assert.match(error.message, /DATABASE_URL is (not set|empty)/);
  }
});

test('text that is not a path is refused with an example', () => {
  const wrong = [
    '${{ }}',
    '${{ input.a + 1 }}',
    '${{ input. }}',
    '${{ input..a }}',
    '${{ inputs.a }}',
    '${{ steps.gather }}',
    '${{ steps.gather.rows }}',
    '${{ state }}',
    '${{ job.name }}',
    '${{ f(input) }}',
    '${{ input[-1] }}',
    '${{ input[01] }}',
    '${{ input.a',
    '${{ input["a] }}',
    '${{ env.A.b }}',
    '${{ [0] }}',
    '${{ .input }}',
  ];
  for (const text of wrong) {
    const error = refusal(text);
    assert.equal(error.type, 'bad-plan', text);
  }
  assert.match(refusal('${{ inputs.a }}').message, /did you mean "input"/);
});

test('$${{ is the text ${{', () => {
  assert.equal(resolve('$${{ input.city }}', SCOPE), '${{ input.city }}');
  assert.equal(resolve('$${{ ${{ input.city }} }}', SCOPE), '${{ Oslo }}');
  assert.equal(resolve('cost: $5, $$, {{x}} $', SCOPE), 'cost: $5, $$, {{x}} $');
});

test('a value that looks like a reference is not read as one', () => {
  const scope: Scope = { ...SCOPE, input: { text: '${{ env.SECRET }}' }, env: { SECRET: 's' } };
  assert.equal(resolve('${{ input.text }}', scope), '${{ env.SECRET }}');
  assert.equal(resolve('> ${{ input.text }}', scope), '> ${{ env.SECRET }}');
});

test('finds every reference with its place', () => {
  const found = referencesOf(
    {
      path: 'out/${{ input.city }}-${{ job.id }}.md',
      rows: [{ v: '${{ steps.gather.output.rows }}' }],
      'a b': '${{ state.total }}',
      n: 1,
    },
    'with',
  );
  assert.deepEqual(
    found.map(({ reference, path }) => `${path} ${reference.text}`),
    [
      'with.path ${{ input.city }}',
      'with.path ${{ job.id }}',
      'with.rows[0].v ${{ steps.gather.output.rows }}',
      'with["a b"] ${{ state.total }}',
    ],
  );
});

const dollarText = fc
  .array(fc.constantFrom('$', '{', '}', '$${{', '${{', '}}', ' input.city ', 'a', '"'), { maxLength: 20 })
  .map((parts) => parts.join(''));

test('property: escaped text comes back as it was', () => {
  fc.assert(
    fc.property(fc.oneof(dollarText, fc.string({ unit: 'binary' })), (text) => {
      assert.equal(resolve(escapeText(text), {}), text);
      assert.equal(referencesOf(escapeText(text)).length, 0);
    }),
  );
});

test('property: text either resolves or is refused with a failure of the closed list', () => {
  fc.assert(
    fc.property(dollarText, (text) => {
      try {
        resolve(text, SCOPE);
      } catch (error) {
        assert.ok(isFailure(error, 'bad-plan', 'bad-input'), String(error));
      }
    }),
  );
});

test('property: a reference to any place in any JSON yields what is there, of the same type', () => {
  const name = fc.oneof(fc.constantFrom('a', 'b-c', 'a b', '', '"', ']}', '}}', 'ünï'), fc.string());
  const json = fc.letrec<{ value: Json; leaf: Json }>((tie) => ({
    leaf: fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)),
    value: fc.oneof(
      { maxDepth: 4 },
      tie('leaf'),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(
        name.filter((key) => key !== '__proto__'),
        tie('value'),
        { maxKeys: 3 },
      ),
    ),
  }));
  const place = (value: Json, choose: number): readonly PathPart[] => {
    if (typeof value !== 'object' || value === null || choose % 4 === 3) return [];
    const keys: readonly PathPart[] = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
    if (keys.length === 0) return [];
    const key = keys[choose % keys.length]!;
    return [key, ...place((value as { readonly [key: PathPart]: Json })[key]!, Math.floor(choose / 2))];
  };
  fc.assert(
    fc.property(json.value, fc.nat(10_000), (value, choose) => {
      const path = place(value, choose);
      const expected = path.reduce<Json>((inner, part) => (inner as { readonly [key: PathPart]: Json })[part]!, value);
      const text = `\${{ ${path.reduce<string>(joinPath, 'input')} }}`;
      assert.deepEqual(resolve(text, { input: value }), expected);
      assert.deepEqual(referencesOf(text)[0]!.reference, { root: 'input', path, text });
    }),
  );
});
