import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFailure } from '../../src/model/failure.ts';
import { databasesOf, parseInput, watchesOf, workspaceOf } from '../../src/model/plan/run/input.ts';
import { PlanSchema } from '../../src/model/plan/plan.ts';

const PLAN = PlanSchema.parse({
  schemaVersion: 1,
  name: 'weather',
  workspace: 'jobs/${{ input.city }}',
  input: {
    type: 'object',
    properties: {
      city: { type: 'string', minLength: 1 },
      days: { type: 'integer', default: 7 },
      tags: { type: 'array', items: { enum: ['a', 'b'] } },
      extra: { type: 'object' },
    },
    required: ['city'],
  },
  databases: { main: { url: '${{ env.DATABASE_URL }}' }, local: { url: 'sqlite:a.db' } },
  watch: [
    { file: '${{ input.city }}/*.csv' },
    { query: { name: 'q', database: 'main', sql: 'select 1 where x = ?', params: ['${{ input.days }}'] } },
  ],
  steps: [{ id: 'a', use: 'work' }],
});

test('input gets its defaults, and is the same when parsed again', () => {
  const input = parseInput(PLAN, { city: 'Oslo', extra: { any: 1 } });
  assert.deepEqual(input, { city: 'Oslo', days: 7, extra: { any: 1 } });
  assert.deepEqual(parseInput(PLAN, input), input);
});

test('bad input lists every problem, unknown and misspelt fields too', () => {
  assert.throws(
    () => parseInput(PLAN, { citi: 'Oslo', days: 1.5, tags: ['c'] }),
    (error: unknown) =>
      isFailure(error, 'bad-input') &&
      /input\.city: is missing; expected text/.test(error.message) &&
      /input\.citi: unknown field "citi".*did you mean "city"\?/.test(error.message) &&
      /input\.days: .*found 1\.5/.test(error.message) &&
      /input\.tags\[0\]: is not one of the allowed values; expected "a" or "b"; found "c"/.test(error.message) &&
      /It takes: city, days, tags, extra\./.test(error.message),
  );
});

test('input that is not plain JSON is refused', () => {
  for (const value of [{ city: new Date(0) }, { city: 'x', days: Number.NaN }])
    assert.throws(
      () => parseInput(PLAN, value),
      (error: unknown) => isFailure(error, 'not-json'),
    );
});

test('a plan that declares no input takes none', () => {
  const plan = PlanSchema.parse({ schemaVersion: 1, name: 'p', workspace: 'w', steps: [{ id: 'a', use: 'work' }] });
  assert.deepEqual(parseInput(plan, undefined), {});
  assert.throws(
    () => parseInput(plan, { x: 1 }),
    (error: unknown) => isFailure(error, 'bad-input') && /It takes none/.test(error.message),
  );
});

test('workspace and watches see the input', () => {
  const input = parseInput(PLAN, { city: 'Oslo' });
  assert.equal(workspaceOf(PLAN, input), 'jobs/Oslo');
  assert.deepEqual(watchesOf(PLAN, input, 'job-1'), [
    { file: 'Oslo/*.csv' },
    { query: { name: 'q', database: 'main', sql: 'select 1 where x = ?', params: [7] } },
  ]);
});

test('no input leads the workspace out of its folder', () => {
  for (const city of ['..', '../..', 'a/../../b'])
    assert.throws(
      () => workspaceOf(PLAN, { city }),
      (error: unknown) => isFailure(error, 'bad-input') && /without `\.\.`/.test(error.message),
    );
});

test('database URLs come from the environment; a missing variable is named', () => {
  assert.deepEqual(databasesOf(PLAN, { DATABASE_URL: 'postgres://x' }), [
    { name: 'main', url: 'postgres://x' },
    { name: 'local', url: 'sqlite:a.db' },
  ]);
  assert.throws(
    () => databasesOf(PLAN, {}),
    (error: unknown) => isFailure(error, 'missing-variable') && /DATABASE_URL is not set/.test(error.message),
  );
});
