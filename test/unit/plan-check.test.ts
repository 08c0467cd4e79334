/** A plan is checked before it runs: its fields, ids, references and schemas. Every problem is told at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as z from 'zod';
import { isFailure } from '../../src/model/failure.ts';
import { assertPlan, validatePlan } from '../../src/model/plan/check/check.ts';
import { PlanSchema } from '../../src/model/plan/plan.ts';
import { defineStep } from '../../src/model/step/step.ts';
import { ANALYSE, inSteps, problemLines, problemsOf } from '../support/checked-plan.ts';
import { anyPlanSource } from './plan-arbitrary.ts';

test('defaults are filled in, and parsing a parsed plan changes nothing', () => {
  const plan = assertPlan({
    schemaVersion: 1,
    name: 'p',
    workspace: 'w',
    state: { a: {} },
    steps: [{ id: 'a', use: 'work', retry: {} }],
  });
  assert.deepEqual(plan, {
    schemaVersion: 1,
    name: 'p',
    workspace: 'w',
    databases: {},
    state: { a: { reducer: 'replace' } },
    watch: [],
    steps: [
      {
        id: 'a',
        use: 'work',
        with: {},
        needs: [],
        reads: [],
        writes: [],
        state: {},
        onFailure: 'ask',
        retry: { maxAttempts: 5, initialIntervalMs: 1000, backoffCoefficient: 2, maxIntervalMs: 60_000 },
      },
    ],
  });
  fc.assert(
    fc.property(anyPlanSource(), (source) =>
      assert.deepEqual(PlanSchema.parse(PlanSchema.parse(source)), PlanSchema.parse(source)),
    ),
  );
});

test('an unknown field is an error at every level that names the nearest known one', () => {
  const found = problemsOf({
    nmae: 'x',
    databases: { main: { url: 'sqlite:a.db', pool: 1 } },
    state: { a: { reduce: 'append' } },
    watch: [{ fle: 'x' }],
    ...inSteps({ timeout: 3, retry: { attempts: 2 } }),
  });
  const hints = found
    .filter(({ message }) => message.startsWith('unknown field'))
    .map(({ path, hint }) => `${path} ${hint ?? ''}`);
  assert.deepEqual(hints.toSorted(), [
    'databases.main.pool ',
    'nmae did you mean "name"?',
    'state.a.reduce did you mean "reducer"?',
    'steps[0].retry.attempts did you mean "maxAttempts"?',
    'steps[0].timeout did you mean "timeoutMs"?',
    'watch[0].fle did you mean "file"?',
  ]);
});

test('every problem is told at once', () => {
  const found = problemLines({
    name: 'a b',
    schemaVersion: 2,
    workspace: '',
    ...inSteps({ id: '1x', onFailure: 'retry' }),
  });
  assert.deepEqual(found, [
    'schemaVersion: is not one of the allowed values',
    'name: is not written as expected',
    'workspace: is out of range',
    'steps[0].id: is not written as expected',
    'steps[0].onFailure: is not one of the allowed values',
  ]);
});

test('a literal database URL is refused, told how to refer to it, and never repeated', () => {
  for (const url of [
    'postgres://bob:hunter2@db/main',
    'postgresql://db/main',
    'postgres://db/main?user=bob&password=hunter2',
    'mysql://bob:hunter2@db',
    '${{ env.A }}${{ env.B }}',
    'postgres://${{ env.PASSWORD }}@db',
    'main.db',
    'sqlite:',
  ]) {
    const [problem, ...others] = problemsOf({ databases: { main: { url } } });
    assert.equal(others.length, 0, url);
    assert.equal(problem?.path, 'databases.main.url');
    assert.match(problem.hint ?? '', /\$\{\{ env\.DATABASE_URL \}\}/);
    assert.doesNotMatch(JSON.stringify(problem), /hunter2|bob/);
  }
  for (const url of ['${{ env.DATABASE_URL }}', '${{env.X}}', 'sqlite:data/main.db'])
    assert.deepEqual(problemLines({ databases: { main: { url } } }), []);
});

test('a SQLite path leads into the workspace, and a database has one name', () => {
  assert.match(problemLines({ databases: { main: { url: 'sqlite:../main.db' } } })[0]!, /leads out of the workspace/);
  assert.match(problemLines({ databases: { main: { url: 'sqlite:/tmp/main.db' } } })[0]!, /absolute path/);
  assert.deepEqual(problemLines({ databases: { a: { url: 'sqlite:x.db' }, b: { url: 'sqlite:./x.db' } } }), [
    'databases.b.url: is the same database as "a"',
  ]);
  assert.deepEqual(problemLines({ databases: { a: { url: '${{ env.X }}' }, b: { url: '${{env.X}}' } } }), [
    'databases.b.url: is the same database as "a"',
  ]);
});

test('refuses duplicate ids and unknown needs, with the nearest id', () => {
  const found = problemsOf(inSteps({ id: 'gather' }, { id: 'gather' }, { id: 'report', needs: ['gathr', 'nobody'] }));
  assert.deepEqual(
    found.map(({ path, message, hint }) => [path, message, hint]),
    [
      ['steps[1].id', '"gather" is already the id of steps[0]', undefined],
      ['steps[2].needs[0]', 'unknown step id "gathr"', 'did you mean "gather"?'],
      ['steps[2].needs[1]', 'unknown step id "nobody"', undefined],
    ],
  );
});

test('shows a cycle, also one through references', () => {
  assert.deepEqual(
    problemLines(
      inSteps({ id: 'a', needs: ['c'] }, { id: 'b', with: '${{ steps.a.output }}' }, { id: 'c', needs: ['b'] }),
    ),
    ['steps[0]: steps wait for each other: a → c → b → a'],
  );
  assert.deepEqual(problemLines(inSteps({ id: 'a', with: '${{ steps.a.output }}' })), [
    'steps[0]: step "a" waits for itself',
  ]);
});

test('refuses an unknown step with the nearest name, when the steps are known', () => {
  const [problem] = problemsOf(inSteps({ use: 'analize' }), { knownSteps: [ANALYSE] });
  assert.equal(problem?.message, 'unknown step "analize"');
  assert.match(problem.hint ?? '', /did you mean "analyse"/);
  assert.deepEqual(problemLines(inSteps({ use: 'file.wite' }), { knownSteps: [] }), [
    'steps[0].use: unknown step "file.wite"',
  ]);
  assert.deepEqual(problemLines(inSteps({ use: 'analize' })), [], 'on trust when they are not');
});

test('refuses references that lead nowhere', () => {
  const plan = {
    input: {
      type: 'object',
      properties: { city: { type: 'string' }, limit: { type: 'integer', default: 3 }, note: { type: 'string' } },
      required: ['city'],
    },
    state: { total: { initial: 0 } },
    ...inSteps(
      { id: 'a', use: 'analyse', with: { table: 't' }, state: { totl: 1, total: '${{ output.row }}' } },
      {
        id: 'b',
        with: [
          '${{ input.citi }}',
          '${{ input.city.name }}',
          '${{ input.note }}',
          '${{ input.limit }}',
          '${{ state.totals }}',
        ],
      },
      {
        id: 'c',
        with: [
          '${{ steps.aa.output }}',
          '${{ steps.a.output.row }}',
          '${{ steps.a.output.rows[0].town }}',
          '${{ steps.a.output.rows.city }}',
          '${{ steps.b.output.anything }}',
        ],
      },
    ),
  };
  assert.deepEqual(
    problemLines(plan, {
      knownSteps: [ANALYSE, { ...ANALYSE, name: 'work', output: z.unknown(), input: z.unknown() }],
    }),
    [
      'steps[0].state.totl: unknown state key "totl"',
      'steps[0].state.total: unknown member of output "row"',
      'steps[1].with[0]: unknown member of input "citi"',
      'steps[1].with[1]: ${{ input.city.name }} leads nowhere',
      'steps[1].with[2]: ${{ input.note }} may be missing',
      'steps[1].with[4]: unknown state key "totals"',
      'steps[2].with[0]: unknown step id "aa"',
      'steps[2].with[1]: unknown member of steps.a.output "row"',
      'steps[2].with[2]: unknown member of steps.a.output.rows[0] "town"',
      'steps[2].with[3]: ${{ steps.a.output.rows.city }} leads nowhere',
    ],
  );
});

test('a reference to input needs a declared input', () => {
  assert.deepEqual(problemLines({ workspace: 'jobs/${{ input.name }}' }), [
    'workspace: ${{ input.name }} leads nowhere',
  ]);
});

test('refuses references where their kind has no place, above all env outside databases', () => {
  const found = problemsOf({
    workspace: '${{ job.id }}',
    state: { a: { initial: '${{ input.x }}' } },
    watch: [{ file: '${{ state.a }}' }],
    ...inSteps({
      with: { key: '${{ env.API_KEY }}', o: '${{ output }}' },
      state: { a: '${{ steps.s0.output }}' },
      writes: ['file:${{ input.x }}'],
    }),
  });
  assert.deepEqual(
    found.map(({ path }) => path),
    [
      'workspace',
      'watch[0].file',
      'state.a.initial',
      'steps[0].with.key',
      'steps[0].with.o',
      'steps[0].state.a',
      'steps[0].writes[0]',
    ],
  );
  assert.match(found[3]!.hint ?? '', /kept in history/);
});

test('every reference of one text that cannot be read is told', () => {
  assert.deepEqual(problemLines(inSteps({ with: { a: '${{ 1 + 1 }} ${{ job.name }} ${{ steps.x.output }}' } })), [
    'steps[0].with.a: ${{ 1 + 1 }} cannot be read from "1 + 1" on.',
    'steps[0].with.a: ${{ job.name }} is not known.',
    'steps[0].with.a: unknown step id "x"',
  ]);
});

test('state without an initial value is read only after a step that writes it', () => {
  const writer = { id: 'w', state: { x: '${{ output }}' } };
  const reader = { id: 'r', with: '${{ state.x }}' };
  const found = problemsOf({ state: { x: {} }, ...inSteps(writer, reader) });
  assert.equal(found[0]?.message, '${{ state.x }} has no value yet when "r" runs');
  assert.match(found[0].hint ?? '', /needs: \[w\]/);
  assert.deepEqual(problemLines({ state: { x: {} }, ...inSteps(writer, { ...reader, needs: ['w'] }) }), []);
  assert.deepEqual(problemLines({ state: { x: { initial: null } }, ...inSteps(reader) }), []);
  assert.deepEqual(problemLines({ state: { x: { reducer: 'append' } }, ...inSteps(reader) }), []);
});

test('the input of a step is checked by its schema as far as it is known', () => {
  const steps = inSteps(
    { use: 'analyse', with: { table: 3, limitt: 1 } },
    { use: 'analyse', with: { limit: '${{ steps.s0.output.note }}' } },
    { use: 'analyse', with: '${{ steps.s1.output }}' },
    { use: 'file.write', with: { path: 'a', content: '$${{ literal', mode: 644 } },
    { use: 'wait', with: {} },
    { use: 'wait', with: { seconds: 1, until: '2030-01-01' } },
    { use: 'wait', with: { seconds: '${{ steps.s0.output }}' } },
  );
  assert.deepEqual(problemLines(steps, { knownSteps: [ANALYSE] }), [
    'steps[0].with.table: has the wrong type',
    'steps[0].with.limitt: unknown field "limitt"',
    'steps[1].with.table: is missing',
    'steps[3].with.mode: has the wrong type',
    'steps[4].with: must say how long',
    'steps[5].with.until: is not written as expected',
    'steps[5].with: must say how long',
  ]);
});

test('what a plan itself gives fits the schemas that it gives', () => {
  const found = problemLines({
    input: { type: 'object', properties: { n: { type: 'integer', default: 'x' } } },
    state: { list: { reducer: 'append', initial: 1 }, total: { initial: 'x', schema: { type: 'integer' } } },
  });
  assert.deepEqual(found, [
    'input.properties.n.default: does not fit its own schema: has the wrong type',
    'state.list.initial: cannot be appended to',
    'state.total.initial: does not fit its own schema: has the wrong type',
  ]);
  assert.deepEqual(problemLines({ input: { type: 'string' } }), [
    "input.type: the input's schema is not that of an object",
  ]);
});

test('a schema keyword that would not be checked is refused', () => {
  const schema = (value: unknown): readonly string[] =>
    problemLines({ input: { type: 'object', properties: { x: value } } });
  assert.deepEqual(schema({ type: 'string', format: 'email' }), ['input.properties.x.format: unknown field "format"']);
  assert.deepEqual(schema({ type: 'string', minimum: 3 }), [
    'input.properties.x.minimum: "minimum" says nothing about the type string',
  ]);
  assert.deepEqual(
    schema({ properties: {} })[0],
    'input.properties.x.properties: "properties" says nothing about a value without a type',
  );
  assert.deepEqual(schema({}), ['input.properties.x.type: is missing']);
  assert.deepEqual(schema({ type: 'string', pattern: '(' }), [
    'input.properties.x.pattern: is not a regular expression',
  ]);
  assert.deepEqual(schema({ type: 'object', properties: { a: { type: 'null' } }, required: ['b'] }), [
    'input.properties.x.required: names "b", which is not among the properties',
  ]);
});

test('options that mean nothing are refused', () => {
  assert.deepEqual(
    problemLines(inSteps({ use: 'wait', with: { seconds: 1 }, approval: 'before-apply', timeoutMs: 3 })),
    [
      'steps[0].timeoutMs: means nothing for "wait", which is a timer',
      'steps[0].approval: means nothing for "wait", which is a timer',
    ],
  );
  assert.deepEqual(problemLines(inSteps({ retry: { initialIntervalMs: 100_000 } })), [
    'steps[0].retry.initialIntervalMs: is longer than the longest interval',
  ]);
  assert.match(problemLines({ watch: [{}] })[0]!, /must watch one thing/);
  assert.match(problemLines({ watch: [{ file: 'a', schema: 'main/t' }] })[0]!, /must watch one thing/);
});

test('a bad plan at a boundary is one failure that lists every problem', () => {
  assert.throws(
    () =>
      assertPlan({
        schemaVersion: 1,
        name: 'p',
        workspace: 'w',
        steps: [
          { id: 'a', use: 'x', needs: ['b'] },
          { id: 'a', use: 'x' },
        ],
      }),
    (error: unknown) =>
      isFailure(error, 'bad-plan') &&
      /unknown step id "b"/.test(error.message) &&
      /already the id/.test(error.message) &&
      (error.details['problems'] as unknown[]).length === 2,
  );
  for (const value of [undefined, null, 5, [], 'plan'])
    assert.throws(
      () => assertPlan(value),
      (error: unknown) => isFailure(error, 'bad-plan'),
    );
});

test('property: plans without cycles and conflicts have no problems', () => {
  fc.assert(fc.property(anyPlanSource(), (source) => assert.deepEqual(validatePlan(source).ok, true)));
});

test('a field that a contract would drop without a word is unknown, at every level', () => {
  const lenient = defineStep({
    name: 'lenient',
    input: z.object({
      a: z.string(),
      maxTurns: z.int().default(5),
      inner: z.object({ list: z.array(z.object({ x: z.int() })) }).optional(),
      open: z.looseObject({}).optional(),
      byName: z.record(z.string(), z.object({ y: z.int() })).optional(),
    }),
    output: z.object({}),
  });
  const lines = (given: Record<string, unknown>): readonly string[] =>
    problemLines(inSteps({ use: 'lenient', with: given }), { knownSteps: [lenient] });
  assert.deepEqual(lines({ a: 'x', maxTurns: 3, open: { any: 1 }, byName: { one: { y: 1 } } }), []);
  assert.match(lines({ a: 'x', maxTurn: 3 })[0]!, /steps\[0\]\.with\.maxTurn: .*maxTurn/);
  assert.match(lines({ a: 'x', inner: { list: [{ x: 1, z: 2 }] } })[0]!, /with\.inner\.list\.0\.z/);
  assert.match(lines({ a: 'x', byName: { one: { y: 1, why: 2 } } })[0]!, /with\.byName\.one\.why/);
  assert.match(lines({ a: '${{ job.id }}', maxTurn: 3 })[0]!, /maxTurn/);
});
