import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../../src/model/canonical-json.ts';
import { isFailure } from '../../src/model/failure.ts';
import { foldState, initialState, MAX_STATE_BYTES, type FinishedStep } from '../../src/model/plan/run/job-state.ts';
import { PlanSchema, type Plan } from '../../src/model/plan/plan.ts';

function planWith(state: Record<string, unknown>, steps: readonly Record<string, Json>[]): Plan {
  return PlanSchema.parse({
    schemaVersion: 1,
    name: 'state-test',
    workspace: 'w',
    state,
    steps: steps.map((step) => ({ use: 'work', ...step })),
  });
}

const TWO_WRITERS = planWith({ last: {}, all: { reducer: 'append' } }, [
  { id: 'a', state: { last: '${{ output }}', all: '${{ output }}' } },
  { id: 'b', state: { last: '${{ output }}', all: '${{ output }}' } },
]);

test('state begins with initial values; else null, and an empty list for append', () => {
  const plan = planWith({ a: {}, b: { reducer: 'append' }, c: { initial: { x: 1 } }, d: { initial: null } }, [
    { id: 'a' },
  ]);
  assert.deepEqual(initialState(plan), { a: null, b: [], c: { x: 1 }, d: null });
});

test('folds in plan order, whoever finished first', () => {
  const expected = { last: 'from b', all: ['from a', 'from b'] };
  const a: FinishedStep = { stepId: 'a', output: 'from a' };
  const b: FinishedStep = { stepId: 'b', output: 'from b' };
  assert.deepEqual(foldState(TWO_WRITERS, initialState(TWO_WRITERS), [a, b]), expected);
  assert.deepEqual(foldState(TWO_WRITERS, initialState(TWO_WRITERS), [b, a]), expected);
});

test('append adds the items of a list, any other value as one item, and a list as one item when it is wrapped', () => {
  const plan = planWith({ all: { reducer: 'append', initial: [0] } }, [
    { id: 'a', state: { all: '${{ output }}' } },
    { id: 'b', state: { all: ['${{ output }}'] } },
  ]);
  assert.deepEqual(foldState(plan, initialState(plan), [{ stepId: 'a', output: [1, [2]] }]), { all: [0, 1, [2]] });
  assert.deepEqual(foldState(plan, initialState(plan), [{ stepId: 'a', output: { x: 1 } }]), { all: [0, { x: 1 }] });
  assert.deepEqual(foldState(plan, initialState(plan), [{ stepId: 'b', output: [1] }]), { all: [0, [1]] });
});

test('leaves the state that it was given as it was', () => {
  const before = initialState(TWO_WRITERS);
  foldState(TWO_WRITERS, before, [{ stepId: 'a', output: 1 }]);
  assert.deepEqual(before, { last: null, all: [] });
});

test('refuses state that is not JSON and names the path and the step', () => {
  for (const output of [Number.NaN, { at: new Date(0) }, { list: [undefined] }]) {
    assert.throws(
      () => foldState(TWO_WRITERS, initialState(TWO_WRITERS), [{ stepId: 'a', output: output as unknown as Json }]),
      (error: unknown) =>
        isFailure(error, 'not-json') &&
        /step "a"/i.test(error.message) &&
        /state\.last/.test(error.message) &&
        error.details['stepId'] === 'a',
    );
  }
});

test('refuses an output that lacks what the plan refers to', () => {
  const plan = planWith({ rows: {} }, [{ id: 'a', state: { rows: '${{ output.rows }}' } }]);
  assert.throws(
    () => foldState(plan, initialState(plan), [{ stepId: 'a', output: { rowz: 1 } }]),
    (error: unknown) =>
      isFailure(error, 'bad-output') &&
      /State "rows" cannot be taken from the output of step "a": .*did you mean "rowz"/.test(error.message),
  );
});

test('refuses a value that does not fit the schema of its key', () => {
  const plan = planWith({ total: { schema: { type: 'integer', minimum: 0 } } }, [
    { id: 'a', state: { total: '${{ output }}' } },
  ]);
  assert.deepEqual(foldState(plan, initialState(plan), [{ stepId: 'a', output: 4 }]), { total: 4 });
  assert.throws(
    () => foldState(plan, initialState(plan), [{ stepId: 'a', output: 'four' }]),
    (error: unknown) =>
      isFailure(error, 'bad-output') &&
      /state\.total has the wrong type \(expected a number, found "four"\)/.test(error.message),
  );
});

test('refuses state over its bound in bytes, not characters, and names the largest part', () => {
  const plan = planWith({ text: {}, small: { initial: 'x' } }, [{ id: 'a', state: { text: '${{ output }}' } }]);
  const fits = 'ü'.repeat((MAX_STATE_BYTES - 64) / 2);
  assert.equal(foldState(plan, initialState(plan), [{ stepId: 'a', output: fits }])['text'], fits);
  assert.throws(
    () => foldState(plan, initialState(plan), [{ stepId: 'a', output: `${fits}${'ü'.repeat(40)}` }]),
    (error: unknown) => isFailure(error, 'too-large') && /largest part is "text"/.test(error.message),
  );
});

test('property: folding does not depend on the order in which steps finish', () => {
  const plan = planWith(
    { last: {}, all: { reducer: 'append' } },
    Array.from({ length: 6 }, (_, index) => ({
      id: `s${index}`,
      state: index % 2 === 0 ? { last: '${{ output }}', all: '${{ output }}' } : { all: ['${{ output }}'] },
    })),
  );
  const finished = fc.uniqueArray(
    fc.record({
      stepId: fc.constantFrom('s0', 's1', 's2', 's3', 's4', 's5'),
      output: fc.jsonValue() as fc.Arbitrary<Json>,
    }),
    { selector: ({ stepId }) => stepId },
  );
  fc.assert(
    fc.property(
      finished.chain((steps) => fc.tuple(fc.constant(steps), fc.shuffledSubarray(steps, { minLength: steps.length }))),
      ([steps, shuffled]) => {
        const clean = (list: readonly FinishedStep[]): readonly FinishedStep[] =>
          list.map(({ stepId, output }) => ({
            stepId,
            output: JSON.parse(JSON.stringify(output).replaceAll('-0', '0')) as Json,
          }));
        assert.deepEqual(
          foldState(plan, initialState(plan), clean(shuffled)),
          foldState(plan, initialState(plan), clean(steps)),
        );
      },
    ),
  );
});
