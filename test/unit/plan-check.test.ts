import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as z from 'zod';
import { isFailure } from '../../src/model/failure.ts';
import { assertPlan, validatePlan, type CheckOptions } from '../../src/model/plan/check.ts';
import type { PlanProblem } from '../../src/model/plan/problem.ts';
import { PlanSchema } from '../../src/model/plan/plan.ts';
import { defineStep } from '../../src/model/step/step.ts';
import { anyPlanSource } from './plan-arbitrary.ts';

const ANALYSE = defineStep({
  name: 'analyse',
  input: z.strictObject({ table: z.string(), limit: z.int().min(1).optional() }),
  output: z.strictObject({ rows: z.array(z.strictObject({ city: z.string() })), note: z.string().optional() }),
});

function problemsOf(change: Record<string, unknown>, options: CheckOptions = {}): readonly PlanProblem[] {
  const checked = validatePlan(
    { schemaVersion: 1, name: 'checked', workspace: 'w', steps: [{ id: 'only', use: 'work' }], ...change },
    options,
  );
  return checked.ok ? [] : checked.problems;
}

/** `path: message` of each problem. */
function told(change: Record<string, unknown>, options?: CheckOptions): readonly string[] {
  return problemsOf(change, options).map(({ path, message }) => `${path}: ${message}`);
}

function inSteps(...steps: readonly Record<string, unknown>[]): { readonly steps: readonly Record<string, unknown>[] } {
  return { steps: steps.map((step, index) => ({ id: `s${index}`, use: 'work', ...step })) };
}

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
  const found = told({ name: 'a b', schemaVersion: 2, workspace: '', ...inSteps({ id: '1x', onFailure: 'retry' }) });
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
    assert.deepEqual(told({ databases: { main: { url } } }), []);
});

test('a SQLite path leads into the workspace, and a database has one name', () => {
  assert.match(told({ databases: { main: { url: 'sqlite:../main.db' } } })[0]!, /leads out of the workspace/);
  assert.match(told({ databases: { main: { url: 'sqlite:/tmp/main.db' } } })[0]!, /absolute path/);
  assert.deepEqual(told({ databases: { a: { url: 'sqlite:x.db' }, b: { url: 'sqlite:./x.db' } } }), [
    'databases.b.url: is the same database as "a"',
  ]);
  assert.deepEqual(told({ databases: { a: { url: '${{ env.X }}' }, b: { url: '${{env.X}}' } } }), [
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
    told(inSteps({ id: 'a', needs: ['c'] }, { id: 'b', with: '${{ steps.a.output }}' }, { id: 'c', needs: ['b'] })),
    ['steps[0]: steps wait for each other: a → c → b → a'],
  );
  assert.deepEqual(told(inSteps({ id: 'a', with: '${{ steps.a.output }}' })), ['steps[0]: step "a" waits for itself']);
});

test('refuses an unknown step with the nearest name, when the steps are known', () => {
  const [problem] = problemsOf(inSteps({ use: 'analize' }), { knownSteps: [ANALYSE] });
  assert.equal(problem?.message, 'unknown step "analize"');
  assert.match(problem.hint ?? '', /did you mean "analyse"/);
  assert.deepEqual(told(inSteps({ use: 'file.wite' }), { knownSteps: [] }), ['steps[0].use: unknown step "file.wite"']);
  assert.deepEqual(told(inSteps({ use: 'analize' })), [], 'on trust when they are not');
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
    told(plan, { knownSteps: [ANALYSE, { ...ANALYSE, name: 'work', output: z.unknown(), input: z.unknown() }] }),
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
  assert.deepEqual(told({ workspace: 'jobs/${{ input.name }}' }), ['workspace: ${{ input.name }} leads nowhere']);
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
  assert.deepEqual(told(inSteps({ with: { a: '${{ 1 + 1 }} ${{ job.name }} ${{ steps.x.output }}' } })), [
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
  assert.deepEqual(told({ state: { x: {} }, ...inSteps(writer, { ...reader, needs: ['w'] }) }), []);
  assert.deepEqual(told({ state: { x: { initial: null } }, ...inSteps(reader) }), []);
  assert.deepEqual(told({ state: { x: { reducer: 'append' } }, ...inSteps(reader) }), []);
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
  assert.deepEqual(told(steps, { knownSteps: [ANALYSE] }), [
    'steps[0].with.table: has the wrong type',
    'steps[0].with.limitt: unknown field "limitt"',
    'steps[1].with.table: is missing',
    'steps[3].with.mode: has the wrong type',
    'steps[4].with: must say how long',
    'steps[5].with.until: is not written as expected',
    'steps[5].with: must say how long',
  ]);
});

test('refuses paths outside the workspace and reserved ones, wherever a plan names files', () => {
  const write = (path: string): Record<string, unknown> => ({ use: 'file.write', with: { path, content: '' } });
  for (const path of [
    '../x',
    'a/../../x',
    '/etc/passwd',
    'C:/x',
    'a\\b',
    '~/x',
    '.',
    'a/..',
    '.holdfast/ledger',
    './.Holdfast/x',
    'a/../.holdfast',
  ]) {
    assert.equal(problemsOf(inSteps(write(path)))[0]?.path, 'steps[0].with.path', path);
    assert.equal(problemsOf({ watch: [{ file: path }] })[0]?.path, 'watch[0].file', path);
    assert.equal(problemsOf(inSteps({ writes: [`file:${path}`] }))[0]?.path, 'steps[0].writes[0]', path);
    assert.equal(
      problemsOf(inSteps({ use: 'file.copy', with: { from: path, to: 'x' } }))[0]?.path,
      'steps[0].with.from',
      path,
    );
  }
  for (const path of ['x', './x', 'a/../b', '.hidden', 'a/.holdfast', '..x'])
    assert.deepEqual(told(inSteps(write(path))), [], path);
});

test('a workspace is named without `..`', () => {
  assert.deepEqual(told({ workspace: '../elsewhere' }), ['workspace: holds `..`']);
  assert.deepEqual(told({ workspace: '/srv/jobs/a..b' }), []);
});

test('refuses the file of a declared database as a file', () => {
  const databases = { main: { url: 'sqlite:data/main.db' } };
  for (const from of [
    'data/main.db',
    './data//main.db',
    'data/main.db-wal',
    'data/main.db-shm',
    'data/main.db-journal',
  ]) {
    assert.deepEqual(told({ databases, ...inSteps({ use: 'file.copy', with: { from, to: 'x' } }) }), [
      'steps[0].with.from: is the file of the database "main"',
    ]);
  }
});

test('refuses undeclared databases and resources that are not spelled as one', () => {
  const databases = { main: { url: 'sqlite:main.db' } };
  const found = told({
    databases,
    watch: [
      { schema: 'mian/weather' },
      { query: { name: 'q', database: 'other', sql: 'select 1' } },
      { query: { name: 'q', database: 'main', sql: 'select 1' } },
      { file: 'a', schema: 'main/t' },
    ].slice(0, 3),
    ...inSteps(
      { use: 'db.query', with: { database: 'man', sql: 'select 1' } },
      {
        writes: ['report.md', 'tabel:main/x', 'table:main', 'table:other/x', 'row:main/x/7', 'row:main/x/{"id":7}'],
        reads: ['table:main/x'],
      },
    ),
  });
  assert.deepEqual(found, [
    'watch[0].schema: undeclared database "mian"',
    'watch[1].query.database: undeclared database "other"',
    'watch[2].query.name: "q" is already the name of watch[1]',
    'steps[0].with.database: undeclared database "man"',
    'steps[1].writes[0]: "report.md" is no resource',
    'steps[1].writes[1]: "tabel:main/x" begins with "tabel:", which is no resource of a plan',
    'steps[1].writes[2]: "table:main" names no table',
    'steps[1].writes[3]: undeclared database "other"',
    'steps[1].writes[4]: "row:main/x/7" names no row',
  ]);
});

test('steps that may run at the same time may not write one resource, nor read what another writes', () => {
  const databases = { main: { url: 'sqlite:main.db' } };
  const conflict = (a: Record<string, unknown>, b: Record<string, unknown>): boolean =>
    told({ databases, ...inSteps(a, b) }).some((text) => /may run at the same time/.test(text));
  const write = (path: string): Record<string, unknown> => ({ use: 'file.write', with: { path, content: '' } });
  const upsert = { use: 'db.upsert', with: { database: 'main', table: 't', rows: [] } };
  const sql = { use: 'db.sql', with: { database: 'main', sql: 'update t set a = 1', writes: ['t'] } };
  assert.ok(conflict(write('out.md'), write('./out.md')));
  assert.ok(conflict(write('out.md'), { writes: ['file:out.md'] }));
  assert.ok(conflict(write('out/a.md'), { writes: ['file:out/'] }));
  assert.ok(conflict(write('out'), write('out/a.md')));
  assert.ok(conflict(write('a.md'), { use: 'file.copy', with: { from: 'a.md', to: 'b.md' } }));
  assert.ok(conflict({ reads: ['table:main/t'] }, upsert));
  assert.ok(conflict(sql, upsert));
  assert.ok(conflict({ writes: ['row:main/t/{"id":1}'] }, { writes: ['row:main/t/{"id":1}'] }));
  assert.ok(conflict({ writes: ['row:main/t/{"id":1}'] }, { writes: ['table:main/t'] }));

  assert.ok(!conflict(write('a.md'), write('b.md')));
  assert.ok(!conflict(write('out.md'), { ...write('out.md'), needs: ['s0'] }));
  assert.ok(!conflict({ ...write('out.md'), needs: ['s1'] }, write('out.md')));
  assert.ok(
    !conflict(write('out.md'), { use: 'file.write', with: { path: 'out.md', content: '${{ steps.s0.output.path }}' } }),
  );
  assert.ok(!conflict({ reads: ['file:a'] }, { reads: ['file:a'] }));
  assert.ok(!conflict(upsert, upsert), 'each may upsert rows of its own; the rows are compared when they are sealed');
  assert.ok(!conflict({ writes: ['row:main/t/{"id":1}'] }, { writes: ['row:main/t/{"id":2}'] }));
});

test('a conflict names both steps, the resource and the remedy, once', () => {
  const databases = { main: { url: 'sqlite:main.db' } };
  const [problem, ...others] = problemsOf({
    databases,
    ...inSteps({ id: 'left', writes: ['file:a', 'file:b'] }, { id: 'right', writes: ['file:b', 'file:a'] }),
  });
  assert.deepEqual(others, []);
  assert.equal(problem?.message, 'steps "left" and "right" may run at the same time, and both write file:a');
  assert.equal(problem.hint, 'let one wait for the other: needs: [left] in step "right"');
});

test('what a plan itself gives fits the schemas that it gives', () => {
  const found = told({
    input: { type: 'object', properties: { n: { type: 'integer', default: 'x' } } },
    state: { list: { reducer: 'append', initial: 1 }, total: { initial: 'x', schema: { type: 'integer' } } },
  });
  assert.deepEqual(found, [
    'input.properties.n.default: does not fit its own schema: has the wrong type',
    'state.list.initial: cannot be appended to',
    'state.total.initial: does not fit its own schema: has the wrong type',
  ]);
  assert.deepEqual(told({ input: { type: 'string' } }), ["input.type: the input's schema is not that of an object"]);
});

test('a schema keyword that would not be checked is refused', () => {
  const schema = (value: unknown): readonly string[] => told({ input: { type: 'object', properties: { x: value } } });
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
  assert.deepEqual(told(inSteps({ use: 'wait', with: { seconds: 1 }, approval: 'before-apply', timeoutMs: 3 })), [
    'steps[0].timeoutMs: means nothing for "wait", which is a timer',
    'steps[0].approval: means nothing for "wait", which is a timer',
  ]);
  assert.deepEqual(told(inSteps({ retry: { initialIntervalMs: 100_000 } })), [
    'steps[0].retry.initialIntervalMs: is longer than the longest interval',
  ]);
  assert.match(told({ watch: [{}] })[0]!, /must watch one thing/);
  assert.match(told({ watch: [{ file: 'a', schema: 'main/t' }] })[0]!, /must watch one thing/);
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

test('the hosts that a plan calls must be listed; a request and a watch are checked as far as they are literal', () => {
  const http = { hosts: ['api.example.com', 'http://localhost:8080'] };
  const withUrl = (url: string): Record<string, unknown> => inSteps({ use: 'http', with: { url } });
  assert.deepEqual(told({ http, ...withUrl('https://api.example.com/a') }), []);
  assert.deepEqual(
    told({
      http,
      ...withUrl('${{ input.url }}/a'),
      input: { type: 'object', properties: { url: { type: 'string' } }, required: ['url'] },
    }),
    [],
  );
  assert.deepEqual(problemsOf({ http, ...withUrl('https://example.com/a') }), [
    {
      path: 'steps[0].with.url',
      message: 'calls example.com, which the plan does not list',
      expected: 'one of api.example.com, http://localhost:8080',
      hint: 'list it: http: { hosts: [example.com] }',
    },
  ]);
  assert.equal(
    problemsOf(withUrl('http://localhost:8080'))[0]!.expected,
    'a host that the plan lists under `http.hosts`',
  );
  assert.match(told({ http, ...withUrl('https://ada:hidden@api.example.com') })[0]!, /holds a user name or a password/);
  assert.match(told({ http: { hosts: ['api.example.com/v1'] } })[0]!, /^http\.hosts\[0\]: /);
  assert.match(
    told({
      http,
      ...inSteps({
        use: 'http',
        with: { url: 'https://api.example.com', headers: { Authorization: { env: 'no name' } } },
      }),
    })[0]!,
    /^steps\[0\]\.with\.headers\.Authorization/,
  );
  assert.match(
    told({
      http,
      ...inSteps({ use: 'http', with: { url: 'https://api.example.com', method: 'POST', json: 1, body: 'x' } }),
    })[0]!,
    /steps\[0\]\.with\.body: .*stands beside json/,
  );
  assert.match(
    told({ http, ...inSteps({ use: 'http', with: { url: 'https://api.example.com', saveTo: '../x' } }) })[0]!,
    /leads out of the workspace/,
  );
  const saves = { use: 'http', with: { url: 'https://api.example.com', saveTo: 'a.json' } };
  assert.match(told({ http, ...inSteps(saves, saves) })[0]!, /may run at the same time, and both write file:a\.json/);
});

test('a watched endpoint says where its version stands, has a name of its own and a host that is listed', () => {
  const url = 'https://api.example.com/version';
  const watching = (...endpoints: readonly Record<string, unknown>[]): readonly string[] =>
    told({
      http: { hosts: ['api.example.com'] },
      watch: endpoints.map((endpoint) => ({ endpoint: { name: 'api', url, header: 'etag', ...endpoint } })),
    });
  assert.deepEqual(watching({}), []);
  assert.deepEqual(watching({ header: undefined, json: 'info["a b"][0].version' }), []);
  assert.match(watching({ header: undefined })[0]!, /must say where the version stands/);
  assert.match(watching({ json: 'a' })[0]!, /must say where the version stands/);
  assert.deepEqual(watching({ header: undefined, json: 'a b' }), ['watch[0].endpoint.json: is not a path']);
  assert.deepEqual(watching({ url: 'https://example.com' }), [
    'watch[0].endpoint.url: calls example.com, which the plan does not list',
  ]);
  assert.deepEqual(watching({}, {}), ['watch[1].endpoint.name: "api" is already the name of watch[0]']);
});

test('a command of a plan: its words, its options and its watches are checked before it runs', () => {
  const withCommand = (given: Record<string, unknown>): readonly string[] =>
    told(inSteps({ use: 'command', with: given }));
  assert.deepEqual(withCommand({ run: ['npm', 'pack'], paths: ['src', '**/*.json'], env: { A: '1' } }), []);
  assert.deepEqual(withCommand({ run: 'npm pack', shell: true }), []);
  assert.match(withCommand({ run: 'npm pack' })[0]!, /steps\[0\]\.with\.run: is text, without a shell/);
  assert.match(withCommand({ run: ['a'], shell: true })[0]!, /is a list, with shell: true/);
  assert.match(withCommand({ run: ['a'], inDoubt: 'ask' })[0]!, /inDoubt: means nothing for a command on a copy/);
  assert.match(withCommand({ run: ['a'], paths: ['../b'] })[0]!, /leads out of the workspace/);
  assert.match(withCommand({ run: ['a'], env: { 'A-B': '1' } })[0]!, /env\.A-B/);
  assert.match(withCommand({ run: ['a'], path: ['b'] })[0]!, /path/);
  assert.deepEqual(told({ watch: [{ command: ['node', '--version'] }] }), []);
  assert.match(told({ watch: [{ command: [] }] })[0]!, /watch\[0\]\.command/);
});

test('a command reads what its paths name: no step beside it may write there', () => {
  const conflict = (paths: readonly string[] | undefined, written: string, inPlace = false): boolean =>
    told(
      inSteps(
        {
          use: 'command',
          with: { run: ['true'], ...(paths === undefined ? {} : { paths }), ...(inPlace ? { inPlace } : {}) },
        },
        { use: 'file.write', with: { path: written, content: '' } },
      ),
    ).some((text) => /may run at the same time/.test(text));
  assert.deepEqual(
    [
      conflict(undefined, 'a/b'),
      conflict(['a'], 'a/b'),
      conflict(['a/**/*.ts'], 'a/b'),
      conflict(['**'], 'a/b'),
      conflict(['b'], 'a/b'),
      conflict(['ab'], 'a/b'),
    ],
    [true, true, true, true, false, false],
  );
  assert.equal(conflict(undefined, 'x', true), true);
  assert.deepEqual(
    told(inSteps({ use: 'command', with: { run: ['a'] } }, { use: 'command', with: { run: ['b'] } })),
    [],
    'two that only read',
  );
  assert.match(
    told(
      inSteps({ use: 'command', with: { run: ['a'], inPlace: true } }, { use: 'command', with: { run: ['b'] } }),
    )[0]!,
    /may run at the same time/,
  );
});
