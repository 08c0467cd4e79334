/** The channels of a state: how what is written joins what is held, and what is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { canonicalJson, type Json, type JsonObject } from '../../src/model/canonical-json.ts';
import { isFailure } from '../../src/model/failure.ts';
import { foldWrites } from '../../src/model/state/fold-writes.ts';
import { compareJson } from '../../src/model/state/json-order.ts';
import type { ChannelDeclaration, OwnReducer } from '../../src/model/state/reducer.ts';
import { StateChannels, type StateOptions } from '../../src/model/state/state-channels.ts';
import { StateWrites } from '../../src/model/state/state-writes.ts';

type Declared = Readonly<Record<string, ChannelDeclaration>>;

function channels(declared: Declared, options: Partial<StateOptions> = {}): StateChannels {
  return new StateChannels(declared, {
    maxBytes: () => 1_000_000,
    misfit: 'bad-output',
    who: (node) => `step "${node}"`,
    field: 'stepId',
    ...options,
  });
}

/** What one channel holds after these were written, each by a step of its own, in a super-step of its own. */
function after(declared: ChannelDeclaration, ...written: readonly Json[]): Json {
  const state = channels({ x: declared });
  written.forEach((value, index) => state.fold([{ node: `s${index}`, values: { x: value } }]));
  return state.values['x']!;
}

const anyJson = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value).replaceAll('-0', '0')) as Json);
const DECLARED: Declared = {
  last: { reducer: 'replace' },
  all: { reducer: 'append' },
  facts: { reducer: 'merge' },
  people: { reducer: 'merge', by: 'id' },
  total: { reducer: 'sum' },
  least: { reducer: 'min' },
  most: { reducer: 'max' },
  tags: { reducer: 'set' },
};
const anyWrite = fc.record(
  {
    last: anyJson,
    all: anyJson,
    facts: fc.dictionary(fc.string(), anyJson).map((facts) => JSON.parse(JSON.stringify(facts)) as JsonObject),
    people: fc.uniqueArray(fc.record({ id: fc.constantFrom('a', 'b', 'ü'), text: fc.string({ unit: 'grapheme' }) }), {
      selector: ({ id }) => id,
    }),
    total: fc.integer({ min: -1e9, max: 1e9 }),
    least: fc.integer(),
    most: fc.integer(),
    tags: fc.array(fc.oneof(fc.constantFrom<Json>('a', 'b', 1, null, { x: 1 }), anyJson)),
  },
  { requiredKeys: [] },
);

test('each reducer joins what is written in its own way', () => {
  assert.deepEqual(after({ reducer: 'replace' }, 1, [2]), [2]);
  assert.deepEqual(after({ reducer: 'append' }, 1, [2, [3]], { x: 4 }), [1, 2, [3], { x: 4 }]);
  assert.deepEqual(after({ reducer: 'merge', initial: { a: { x: 1 }, b: 1 } }, { a: { y: 2 }, c: null }), {
    a: { y: 2 },
    b: 1,
    c: null,
  });
  const people = { reducer: 'merge', by: 'id', initial: [{ id: 'a', n: 1 }] };
  assert.deepEqual(after(people, [{ id: 'b' }, { id: 'a', n: 2 }], { id: 'c' }), [
    { id: 'a', n: 2 },
    { id: 'b' },
    { id: 'c' },
  ]);
  assert.equal(after({ reducer: 'sum' }, 1, 2.5, -4), -0.5);
  assert.equal(after({ reducer: 'min' }, 3, 1, 2), 1);
  assert.equal(after({ reducer: 'max' }, '2026-01-02', '2026-11-28', '2026-02-01'), '2026-11-28');
  assert.equal(after({ reducer: 'max', initial: 10 }, 3), 10);
  assert.deepEqual(after({ reducer: 'set', initial: [10, 'b'] }, [9, 'a', { x: 1 }], 9, [true, null, [1], { x: 1 }]), [
    null,
    true,
    9,
    10,
    'a',
    'b',
    [1],
    { x: 1 },
  ]);
});

test('before any write a channel holds its initial value, or what its reducer begins with', () => {
  assert.deepEqual(channels(DECLARED).values, {
    last: null,
    all: [],
    facts: {},
    people: [],
    total: 0,
    least: null,
    most: null,
    tags: [],
  });
  for (const declared of [
    { reducer: 'append', initial: 1 },
    { reducer: 'merge', initial: [] },
    { reducer: 'merge', by: 'id', initial: [{ id: 1 }, { id: 1 }] },
    { reducer: 'sum', initial: '1' },
    { reducer: 'min', initial: {} },
    { reducer: 'set', initial: null },
    { reducer: 'adds' },
    { reducer: 'constructor' },
  ])
    assert.throws(
      () => channels({ x: declared }),
      (error: unknown) => isFailure(error, 'bad-input') && /State "x" .*expected/.test(error.message),
      JSON.stringify(declared),
    );
});

test('what cannot join is refused with channel, step, what was expected and what was found; nothing is written', () => {
  const misfits: readonly (readonly [ChannelDeclaration, Json, RegExp])[] = [
    [{ reducer: 'merge' }, [1], /expected an object, whose keys are merged; found \[1\]/],
    [{ reducer: 'merge', by: 'id' }, [{ id: 'a' }, { name: 'b' }], /expected objects with text or a number in "id"/],
    [{ reducer: 'merge', by: 'id' }, [{ id: 'a' }, { id: 'a' }], /each "id" once; "a" is there twice/],
    [{ reducer: 'sum' }, '3', /expected a number; found "3"/],
    [{ reducer: 'sum', initial: 1e308 }, 1e308, /a sum within what a number can hold/],
    [{ reducer: 'min' }, true, /expected a number or text; found true/],
    [{ reducer: 'max', initial: 1 }, 'b', /expected a number, as it holds one; found "b"/],
  ];
  for (const [declared, value, message] of misfits) {
    const state = channels({ x: declared, other: { reducer: 'append' } });
    const before = canonicalJson(state.values);
    assert.throws(
      () => state.fold([{ node: 'a', values: { other: 1, x: value } }]),
      (error: unknown) => {
        assert.ok(isFailure(error, 'bad-output'));
        assert.match(error.message, message);
        assert.match(error.message, /State "x" has the reducer \w+ and cannot take what step "a" wrote/);
        assert.deepEqual([error.details['stepId'], error.details['key']], ['a', 'x']);
        return true;
      },
    );
    assert.equal(canonicalJson(state.values), before);
  }
  assert.throws(
    () => channels(DECLARED).fold([{ node: 'a', values: { totl: 1 } }]),
    (error: unknown) => isFailure(error, 'bad-output') && /Did you mean "total"/.test(error.message),
  );
});

test('two steps of a super-step that write different values where one would be lost are named, both', () => {
  const conflicts: readonly (readonly [string, Json, Json, RegExp])[] = [
    ['last', 1, 2, /both wrote state "last", whose reducer replace .*found 1 and 2/],
    ['facts', { a: 1, b: 1 }, { b: 2 }, /both wrote "b" of state "facts"/],
    ['people', { id: 'a', text: 'x' }, [{ id: 'b' }, { id: 'a', text: 'y' }], /both wrote "a" of state "people"/],
  ];
  for (const [key, first, second, message] of conflicts) {
    const state = channels(DECLARED);
    const before = canonicalJson(state.values);
    const superStep = [
      { node: 'gather', values: { [key]: first, total: 1 } },
      { node: 'search', values: { total: 1, [key]: second } },
    ];
    assert.throws(
      () => state.fold(superStep),
      (error: unknown) => {
        assert.ok(isFailure(error, 'state-conflict'));
        assert.match(error.message, /Step "gather" and step "search" ran at the same time/);
        assert.match(error.message, message);
        assert.deepEqual(error.details['nodes'], ['gather', 'search']);
        return true;
      },
    );
    assert.equal(canonicalJson(state.values), before, 'nothing of the super-step is written');
    for (const one of superStep) state.fold([one]);
    assert.equal(state.values['total'], 2, 'one after the other they do not conflict');
  }
  const state = channels(DECLARED);
  state.fold([
    { node: 'a', values: { last: 1, facts: { a: 1, b: 2 } } },
    { node: 'b', values: { last: 1, facts: { c: 3, b: 2 } } },
  ]);
  assert.deepEqual(state.values['facts'], { a: 1, b: 2, c: 3 }, 'the same value by both is no conflict');
});

test('a reducer of the Workflow’s own is given both values; what it throws or returns wrongly is told', () => {
  const own: Record<string, OwnReducer> = {
    longest: (held, written) => ((held as string).length >= (written as string).length ? held : written),
    late: (() => Promise.resolve(1)) as unknown as OwnReducer,
    broken: () => {
      throw new Error('no such thing');
    },
  };
  const state = channels(
    { x: { reducer: 'longest', initial: '' }, y: { reducer: 'late' }, z: { reducer: 'broken' } },
    { own },
  );
  const writes = ['abc', 'ab'].flatMap((x) => state.fold([{ node: 'a', values: { x } }]));
  assert.equal(state.values['x'], 'abc');
  assert.deepEqual(writes.at(-1), { node: 'a', channel: 'x', reducer: 'longest', value: 'ab', result: 'abc' });
  assert.throws(() => state.fold([{ node: 'a', values: { y: 1 } }]), /plain JSON from the reducer "late", returned/);
  assert.throws(() => state.fold([{ node: 'a', values: { z: 1 } }]), /"broken" takes; it threw: no such thing/);
});

test('of what a reducer of one’s own has made the last alone is held, and gives the values', () => {
  const declared: Declared = { x: { reducer: 'longest', initial: '' }, all: { reducer: 'append' } };
  const longest: OwnReducer = (held, written) =>
    (held as string).length >= (written as string).length ? held : written;
  const state = channels(declared, { own: { longest } });
  const writes = new StateWrites();
  for (const x of ['a', 'abc', 'ab']) writes.add(state.fold([{ node: 'n', values: { x, all: x } }]));
  const taken = writes.take().writes;
  assert.deepEqual(
    taken.filter(({ channel }) => channel === 'x').map(({ value, result }) => [value, result]),
    [
      ['a', undefined],
      ['abc', undefined],
      ['ab', 'abc'],
    ],
  );
  assert.deepEqual(foldWrites(declared, taken), state.values);
  writes.add(state.fold([{ node: 'n', values: { x: 'abcd' } }]));
  assert.equal(taken.at(-2)?.result, 'abc', 'what was taken stays as it was');
});

test('a value that was read stays as it was, and the state over its bound is refused', () => {
  const state = channels(DECLARED, { maxBytes: () => 300 });
  state.fold([{ node: 'a', values: { all: 1, facts: { a: 1 }, tags: 1 } }]);
  const before = state.values;
  const text = canonicalJson(before);
  assert.equal(state.values, before, 'made once');
  state.fold([{ node: 'b', values: { all: 2, facts: { b: 1 }, tags: 2 } }]);
  assert.equal(canonicalJson(before), text);
  const large = 'ü'.repeat(150);
  assert.throws(
    () => state.fold([{ node: 'c', values: { total: 1, all: large } }]),
    (error: unknown) => isFailure(error, 'too-large') && /After step "c" .*largest part is "all"/.test(error.message),
  );
  assert.deepEqual([state.values['all'], state.values['total']], [[1, 2], 0]);
});

test('property: the size is that of the canonical text, a refusal changes nothing, the writes give the values', () => {
  const refused = fc.constant({ total: 'none' } as unknown as JsonObject);
  fc.assert(
    fc.property(fc.array(fc.oneof({ weight: 4, arbitrary: anyWrite }, refused), { maxLength: 8 }), (steps) => {
      const state = channels(DECLARED);
      const writes = new StateWrites();
      const all = new StateWrites();
      let taken: JsonObject = state.values;
      for (const [index, values] of steps.entries()) {
        const before = canonicalJson(state.values);
        try {
          const applied = state.fold([{ node: 's', values: { ...(values as JsonObject) } }]);
          writes.add(applied);
          all.add(applied);
        } catch (failure) {
          assert.ok(isFailure(failure, 'bad-output'));
          assert.equal(canonicalJson(state.values), before);
        }
        assert.equal(state.sizeBytes, utf8ToBytes(canonicalJson(state.values)).length);
        if (index % 2 === 0) continue;
        taken = foldWrites(DECLARED, writes.take().writes, taken);
        assert.equal(canonicalJson(taken), canonicalJson(state.values));
      }
      assert.equal(canonicalJson(foldWrites(DECLARED, all.take().writes)), canonicalJson(state.values));
    }),
  );
});

test('property: sum, min, max and set take parallel writes in any order; append keeps theirs', () => {
  const written = fc.array(
    fc.record({
      total: fc.integer(),
      least: fc.integer(),
      most: fc.integer(),
      tags: fc.array(anyJson, { maxLength: 4 }),
    }),
    { minLength: 1, maxLength: 6 },
  );
  fc.assert(
    fc.property(
      written.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
      ([list, shuffled]) => {
        const folded = (values: readonly JsonObject[]): string => {
          const state = channels(DECLARED);
          state.fold(values.map((one, index) => ({ node: `s${index}`, values: one })));
          return canonicalJson(state.values);
        };
        assert.equal(folded(shuffled), folded(list));
      },
    ),
  );
  fc.assert(
    fc.property(fc.array(fc.array(anyJson, { maxLength: 3 }), { maxLength: 5 }), (lists) => {
      assert.deepEqual(after({ reducer: 'append' }, ...lists), lists.flat());
    }),
  );
});

test('property: the order of a set is one of all values, and tells different ones apart', () => {
  fc.assert(
    fc.property(anyJson, anyJson, anyJson, (a, b, c) => {
      assert.equal(Math.sign(compareJson(a, b)) + Math.sign(compareJson(b, a)), 0);
      assert.equal(compareJson(a, b) === 0, canonicalJson(a) === canonicalJson(b));
      const [x, y, z] = [a, b, c].toSorted(compareJson) as [Json, Json, Json];
      assert.ok(compareJson(x, y) <= 0 && compareJson(y, z) <= 0 && compareJson(x, z) <= 0);
    }),
  );
});

test('a write costs what is written: the 5,000th as much as the 50th', () => {
  const state = channels(
    { all: { reducer: 'append' }, people: { reducer: 'merge', by: 'id' }, facts: { reducer: 'merge' } },
    { maxBytes: () => 100_000_000 },
  );
  const text = 'x'.repeat(300);
  const spent: number[] = [];
  for (let step = 0; step < 5_000; step++) {
    const started = process.cpuUsage().user;
    state.fold([{ node: 's', values: { all: text, people: { id: step, text }, facts: { [`k${step}`]: text } } }]);
    spent.push(process.cpuUsage().user - started);
  }
  const sum = (from: number): number => spent.slice(from, from + 1_000).reduce((a, b) => a + b, 0);
  assert.ok(sum(4_000) < 3 * sum(500) + 20_000, `${sum(4_000)} µs, first ${sum(500)} µs`);
});
