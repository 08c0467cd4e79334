/** Fields of a plan, from the plan to the other end, on a real server. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { WorkflowFailedError } from '@temporalio/client';
import * as z from 'zod';
import { connectHoldfast } from '../../src/client.ts';
import { defineStep, implementStep } from '../../src/index.ts';
import type { Json } from '../../src/model/canonical-json.ts';
import type { PlanSource } from '../../src/model/plan/plan.ts';
import type { PlanResult } from '../../src/model/plan/run/progress.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-plan-fields-'));

interface Received {
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
}
const received: Received[] = [];
let version = 1;
const server = createServer(({ url, headers }, response) => {
  received.push({ url, headers });
  response.setHeader('x-version', version);
  response.end(JSON.stringify({ version }));
});
await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
after(() => {
  server.closeAllConnections();
  server.close();
});

/** Two calls, of which nobody can know whether they happened. */
const calls = defineStep({ name: 'calls', input: z.strictObject({}), output: z.array(z.unknown()) });
const cut = (): never => {
  throw new Error('The connection was cut.');
};

/** Writes a file that no declaration names. */
const hidden = defineStep({ name: 'hidden', input: z.strictObject({}), output: z.strictObject({}) });
const fails = defineStep({ name: 'fails', input: z.strictObject({}), output: z.strictObject({}) });
const triedAt: number[] = [];

testWorker(temporal, {
  taskQueue,
  root,
  env: { PATH: process.env['PATH'], API_TOKEN: 't0ken' },
  steps: [
    implementStep(calls, async (ctx) => Promise.all(['one', 'two'].map((name) => ctx.perform(name, { run: cut })))),
    implementStep(hidden, async (ctx) => {
      await ctx.files.write('hidden.txt', ctx.stepId);
      return {};
    }),
    implementStep(fails, () => {
      triedAt.push(Date.now());
      throw new Error('It fails.');
    }),
  ],
});

after(() => rmSync(root, { recursive: true, force: true }));

const LIMIT = { timeout: 60_000 };

const writing = { id: 'write', use: 'file.write', with: { path: 'own.txt', content: 'x' } };

async function start(
  plan: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, unknown>> = {},
): ReturnType<typeof temporal.client.workflow.start> {
  const workspace = temporal.unique('fields');
  mkdirSync(join(root, workspace));
  const whole = { schemaVersion: 1, name: 'fields', workspace, steps: [writing], ...plan };
  return await temporal.client.workflow.start(agentJob, {
    workflowId: workspace,
    taskQueue,
    args: [{ plan: whole as unknown as Json, ...given }],
  });
}

test('a plan whose references lead to nothing usable is refused at once, and the job has done nothing', async () => {
  const properties = { path: { type: 'string' }, value: { type: 'array', items: { type: 'integer' } } };
  const input = { type: 'object', properties, required: ['path', 'value'] };
  for (const [plan, message] of [
    [{ watch: [{ file: 'a-${{ input.value }}' }] }, /input\.value/],
    [{ watch: [{ file: '${{ input.path }}' }] }, /leads out of the workspace/],
    [{ workspace: 'w/${{ input.path }}' }, /Expected a path without/],
  ] as const) {
    const handle = await start({ input, ...plan }, { input: { path: '../up', value: [1] } });
    await assert.rejects(handle.result(), (error) => {
      assert.ok(error instanceof WorkflowFailedError);
      assert.match(error.cause?.message ?? '', message);
      return true;
    });
    assert.equal(existsSync(join(root, handle.workflowId, '.holdfast')), false);
  }
});

test('a plan is refused in which a step may write while another reads what it writes, as it declares', async () => {
  const reading = { id: 'read', use: 'calls', reads: ['file:own.txt'] };
  const handle = await start({ steps: [writing, reading] });
  await assert.rejects(handle.result(), (error) => {
    assert.ok(error instanceof WorkflowFailedError);
    assert.match(error.cause?.message ?? '', /"write" writes what "read" reads: file:own\.txt/);
    return true;
  });
  const declared = { ...reading, id: 'other', reads: [], writes: ['file:own.txt'] };
  const both = await start({ steps: [writing, declared] });
  await assert.rejects(both.result(), (error) => /both write file:own\.txt/.test(String((error as Error).cause)));
});

test('the state of a plan begins with what it says, and a wait ends at its moment', LIMIT, async () => {
  const until = new Date(Date.now() + 700).toISOString();
  const files = { reducer: 'merge', by: 'path', initial: [{ path: 'n' }, { path: 'o' }] };
  const wrote = { files: { path: '${{ output.path }}', written: true } };
  const handle = await start({
    state: { count: { initial: { n: 3 } }, all: { reducer: 'append', initial: ['first'] }, none: {}, files },
    steps: [
      { id: 'over', use: 'wait', with: { until: '2020-01-01T00:00:00Z' } },
      { id: 'wait', use: 'wait', with: { until }, needs: ['over'] },
      {
        id: 'write',
        use: 'file.write',
        with: { path: 'n', content: 'n is ${{ state.count.n }}' },
        needs: ['wait'],
        state: wrote,
      },
      { id: 'more', use: 'file.remove', with: { path: 'x' }, state: { all: 'second' }, needs: ['write'] },
    ],
  });
  const { state } = (await handle.result()) as PlanResult;
  const merged = [{ path: 'n', written: true }, { path: 'o' }];
  assert.deepEqual(state, { count: { n: 3 }, all: ['first', 'second'], none: null, files: merged });
  const written = join(root, handle.workflowId, 'n');
  assert.equal(readFileSync(written, 'utf8'), 'n is 3');
  const lateMs = statSync(written).mtimeMs - Date.parse(until);
  assert.ok(lateMs > -20 && lateMs < 20_000, `${lateMs} ms after its moment`);
});

test('what a step leaves in the state must look as the plan says, else a person is asked', async () => {
  const handle = await start({
    state: { count: { schema: { type: 'integer', minimum: 1 } } },
    steps: [{ ...writing, state: { count: 0 } }],
  });
  const { kind, findings } = await untilAsked(handle);
  assert.deepEqual([kind, findings[0]!.rerunSteps], ['stuck', ['write']]);
  assert.match(findings[0]!.found.text, /^bad-output: .*count.*at least 1/s);
  await handle.terminate();
});

test('a step of a plan is tried again as the plan says, and then fails its job where it says so', async () => {
  const retry = { maxAttempts: 4, initialIntervalMs: 200, backoffCoefficient: 2, maxIntervalMs: 300 };
  const handle = await start({ steps: [{ id: 'fails', use: 'fails', retry, onFailure: 'fail' }] });
  await assert.rejects(handle.result(), (error) => /It fails/.test(String((error as Error).cause)));
  const pauses = triedAt.slice(1).map((at, index) => at - triedAt[index]!);
  assert.equal(pauses.length, 3);
  for (const [index, atLeast] of [200, 300, 300].entries()) assert.ok(pauses[index]! >= atLeast - 20, pauses.join());
  assert.ok(
    pauses.every((pauseMs) => pauseMs < 3_000),
    pauses.join(),
  );
});

test('of two steps of a plan that run at once and write one file, undeclared, one is asked about', async () => {
  const handle = await start({ steps: ['one', 'two'].map((id) => ({ id, use: 'hidden' })) });
  const { findings } = await untilAsked(handle);
  assert.match(findings[0]!.found.text, /hidden\.txt/);
  assert.match(readFileSync(join(root, handle.workflowId, 'hidden.txt'), 'utf8'), /^(one|two)$/);
  await handle.terminate();
});

test('a watch of a plan asks with its values: parameters of a query, headers of a request', LIMIT, async () => {
  const workspace = temporal.unique('watched');
  mkdirSync(join(root, workspace));
  using db = new DatabaseSync(join(root, workspace, 'app.db'));
  writeFileSync(join(root, workspace, 'version.txt'), '1');
  db.exec("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO note VALUES (1, 'a'), (2, 'b')");
  const query = { name: 'second', database: 'main', sql: 'SELECT text FROM note WHERE id = ?', params: [2] };
  const headers = { authorization: { env: 'API_TOKEN', prefix: 'Bearer ' }, 'x-plain': 'plain' };
  const handle = await start(
    {
      verifyAfterMinutes: 0.0001,
      databases: { main: { url: 'sqlite:app.db' } },
      http: { hosts: [url] },
      watch: [
        { query },
        { schema: 'main/note' },
        { command: ['cat', 'version.txt'] },
        { endpoint: { name: 'body', url: `${url}/version`, json: 'version', headers } },
        { endpoint: { name: 'header', url: `${url}/version`, header: 'x-version', headers } },
      ],
      steps: [
        writing,
        { id: 'gate', use: 'wait', with: { seconds: 1 }, needs: ['write'] },
        { ...writing, id: 'late', needs: ['gate'] },
      ],
    },
    { workspace },
  );
  await untilStatus(handle, ({ steps }) => steps[0]?.state === 'done');
  db.exec("UPDATE note SET text = 'by a person' WHERE id = 2; ALTER TABLE note ADD COLUMN seen TEXT");
  writeFileSync(join(root, workspace, 'version.txt'), '2');
  version = 2;
  const { findings } = await untilAsked(handle);
  assert.deepEqual(findings.map(({ resource }) => resource).toSorted(), [
    'command:["cat","version.txt"]',
    'endpoint:watch/body',
    'endpoint:watch/header',
    'query:watch/second',
    'schema:main/note',
  ]);
  assert.ok(received.length > 0);
  for (const request of received)
    assert.deepEqual(
      [request.url, request.headers.authorization, request.headers['x-plain']],
      ['/version', 'Bearer t0ken', 'plain'],
    );
  await handle.terminate();
});

test('a command of a plan in place that is in doubt is repeated where the plan says so, else asked about', async () => {
  const run = '[ -e tried ] || { touch tried; sleep 60; }; echo done >> out.txt';
  const command = { run, shell: true, inPlace: true, timeoutMs: 300, killGraceMs: 50, envFrom: ['PATH'] };
  const planOf = (more: object): Readonly<Record<string, unknown>> => ({
    steps: [{ id: 'run', use: 'command', with: { ...command, ...more }, retry: { initialIntervalMs: 10 } }],
  });
  const repeated = await start(planOf({ inDoubt: 'repeat' }));
  await repeated.result();
  assert.equal(readFileSync(join(root, repeated.workflowId, 'out.txt'), 'utf8'), 'done\n');
  const asked = await start(planOf({}));
  const { kind } = await untilAsked(asked);
  assert.equal(kind, 'in-doubt');
  await asked.terminate();
});

test('a person tells what each of several calls answered, and the step goes on with that', LIMIT, async () => {
  await using client = await connectHoldfast({ address: temporal.address, namespace: temporal.namespace });
  const handle = await start({ steps: [{ id: 'calls', use: 'calls' }] });
  const { findings } = await untilAsked(handle);
  assert.deepEqual(
    findings.map(({ resource }) => resource),
    ['perform:calls/one', 'perform:calls/two'],
  );
  await client.decide(handle.workflowId, {
    answer: 'happened',
    results: { 'perform:calls/one': { paid: 1 }, 'perform:calls/two': null },
    by: 'ada@example.com',
    reason: 'it stands in their log',
  });
  const { outputs } = (await handle.result()) as PlanResult;
  assert.deepEqual(outputs['calls'], [{ paid: 1 }, null]);
});

test('a watch of a plan knows the job, and one file is one resource however it is spelled', async () => {
  const handle = await start({
    verifyAfterMinutes: 0.0001,
    watch: [{ file: '${{ job.id }}.flag' }, { file: './/watched.txt' }, { file: './own.txt' }],
    steps: [
      writing,
      { id: 'gate', use: 'wait', with: { seconds: 1 }, needs: ['write'] },
      { ...writing, id: 'late', needs: ['gate'] },
    ],
  });
  const { jobId } = await untilStatus(handle, ({ steps }) => steps[0]?.state === 'done');
  for (const name of [`${jobId}.flag`, 'watched.txt', 'own.txt'])
    writeFileSync(join(root, handle.workflowId, name), 'by a person');
  const { findings } = await untilAsked(handle);
  assert.deepEqual(findings.map(({ resource }) => resource).toSorted(), [
    `file:${jobId}.flag`,
    'file:own.txt',
    'file:watched.txt',
  ]);
  await handle.terminate();
});

/** Each keyword of an input's schema, with a value that it refuses. */
const KEYWORDS: readonly (readonly [Readonly<Record<string, unknown>>, unknown, RegExp])[] = [
  [{ type: 'string', minLength: 2 }, 'x', /at least 2/],
  [{ type: 'string', maxLength: 2 }, 'xxx', /at most 2/],
  [{ type: 'string', pattern: '^a$' }, 'b', /value/],
  [{ type: 'number', minimum: 2 }, 1, /at least 2/],
  [{ type: 'number', maximum: 2 }, 3, /at most 2/],
  [{ enum: ['a', 'b'] }, 'c', /"a" or "b"/],
  [{ const: 'a' }, 'c', /"a"/],
  [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, 3, /value/],
  [{ type: 'array', items: { type: 'integer' } }, ['x'], /value\[0\]/],
  [{ type: 'array', items: { type: 'integer' }, minItems: 1 }, [], /at least 1/],
  [{ type: 'array', items: { type: 'integer' }, maxItems: 1 }, [1, 2], /at most 1/],
  [{ type: 'object', properties: { a: { type: 'null' } }, required: ['a'] }, {}, /value\.a: is missing/],
  [{ type: 'object', properties: {} }, { a: 1 }, /unknown field "a"/],
  [{ type: 'object', additionalProperties: { type: 'null' } }, { a: 1 }, /value\.a/],
];

test('what the schema of a plan’s input says holds, keyword by keyword, before anything is started', async () => {
  await using client = await connectHoldfast({ address: temporal.address, namespace: temporal.namespace, taskQueue });
  const planOf = (properties: Readonly<Record<string, unknown>>): PlanSource => ({
    schemaVersion: 1,
    name: 'input',
    workspace: temporal.unique('input'),
    description: 'Shown to people.',
    $schema: 'https://example.com/plan.schema.json',
    input: { type: 'object', properties: properties as Record<string, { type: 'string' }> },
    steps: [{ id: 'write', use: 'file.write', with: { path: 'a.txt', content: '${{ input.text }}' } }],
  });
  for (const [schema, value, message] of KEYWORDS)
    await assert.rejects(
      client.start(planOf({ text: { type: 'string', default: '' }, value: schema }), { input: { value } as Json }),
      {
        type: 'bad-input',
        message,
      },
    );
  const text = { type: 'string', default: 'by default', title: 'Text', description: 'Any.', examples: ['x'] };
  const { workflowId, workspace } = await client.start(planOf({ text }));
  assert.equal((await client.result(workflowId, { wait: true })).outcome, 'completed');
  assert.equal(readFileSync(join(root, workspace, 'a.txt'), 'utf8'), 'by default');
});
