/** Every field of a built-in step has its effect from the plan on: a plan, the Workflow, a real server, a worker. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import type { Json } from '../../src/model/canonical-json.ts';
import type { PlanResult } from '../../src/model/plan/run/progress.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-plan-steps-'));
interface Received {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
const received: Received[] = [];
const server = createServer((request, response) => {
  void text(request).then((body) => {
    const { url: place = '', headers } = request;
    const isFirst = received.every((earlier) => earlier.url !== place);
    received.push({ url: place, headers, body });
    if (place.startsWith('/dropped-once') && isFirst) return request.socket.destroy();
    if (place === '/silent') return undefined;
    return response.writeHead(place === '/missing' ? 404 : 200).end(place === '/long' ? 'x'.repeat(100) : '{}');
  });
});
await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const http = { hosts: [url] };
after(() => {
  server.closeAllConnections();
  server.close();
});

testWorker(temporal, { taskQueue, root, env: { PATH: process.env['PATH'], GREETING: 'hello', API_TOKEN: 't0ken' } });

after(() => rmSync(root, { recursive: true, force: true }));

type Fields = Readonly<Record<string, unknown>>;
const LIMIT = { timeout: 60_000 };
/** A step that fails is not tried again, and fails its job. */
const once = { onFailure: 'fail', retry: { maxAttempts: 1 } };

function newWorkspace(files: Readonly<Record<string, string>> = {}): string {
  const workspace = temporal.unique('steps');
  mkdirSync(join(root, workspace));
  for (const [path, text] of Object.entries(files)) writeFileSync(join(root, workspace, path), text);
  return workspace;
}

async function start(workspace: string, fields: Fields): ReturnType<typeof temporal.client.workflow.start> {
  const plan = { schemaVersion: 1, name: 'fields', workspace, ...fields } as unknown as Json;
  return await temporal.client.workflow.start(agentJob, { workflowId: workspace, taskQueue, args: [{ plan }] });
}

async function run(workspace: string, fields: Fields): Promise<PlanResult> {
  return (await (await start(workspace, fields)).result()) as PlanResult;
}

/** What a plan of this one step fails with. */
async function failureOf(step: Fields, plan: Fields = {}, linked?: readonly [string, string]): Promise<string> {
  const workspace = newWorkspace(linked === undefined ? {} : { [linked[0]]: 'shared' });
  if (linked !== undefined) linkSync(join(root, workspace, linked[0]), join(root, workspace, linked[1]));
  const handle = await start(workspace, { ...plan, steps: [{ id: 's', ...step, ...once }] });
  const error: unknown = await handle.result().then(
    () => assert.fail(`${JSON.stringify(step)} has not failed`),
    (cause: unknown) => cause,
  );
  return (error as { cause?: Error }).cause?.message ?? '';
}

test('file steps of a plan: content, mode, encoding, hard links, copy, removal', LIMIT, async () => {
  const workspace = newWorkspace({ 'old.txt': 'old', 'a.txt': 'shared', 'c.txt': 'shared' });
  const at = (path: string): string => join(root, workspace, path);
  linkSync(at('a.txt'), at('b.txt'));
  linkSync(at('c.txt'), at('d.txt'));
  const latin = { path: 'a.txt', content: 'café', encoding: 'latin1', hardLinks: 'split' };
  const { outputs } = await run(workspace, {
    steps: [
      { id: 'write', use: 'file.write', with: { path: 'bin/run', content: '#!', mode: '755' } },
      { id: 'latin', use: 'file.write', with: latin },
      { id: 'copy', use: 'file.copy', needs: ['write'], with: { from: 'bin/run', to: 'c.txt', hardLinks: 'split' } },
      { id: 'remove', use: 'file.remove', with: { path: 'old.txt' } },
    ],
  });
  assert.equal(statSync(at('bin/run')).mode & 0o777, 0o755);
  assert.deepEqual(readFileSync(at('a.txt')), Buffer.from('caf\xe9', 'latin1'));
  const digest = createHash('sha256').update('caf\xe9', 'latin1').digest('hex');
  assert.deepEqual(outputs['latin'], { path: 'a.txt', sizeBytes: 4, digest }, 'of the bytes that are written');
  assert.equal(readFileSync(at('c.txt'), 'utf8'), '#!');
  for (const other of ['b.txt', 'd.txt']) assert.equal(readFileSync(at(other), 'utf8'), 'shared', other);
  assert.equal(existsSync(at('old.txt')), false);

  for (const step of [
    { use: 'file.write', with: { path: 'b', content: 'x' } },
    { use: 'file.copy', with: { from: 'a', to: 'b' } },
  ])
    assert.match(await failureOf(step, {}, ['a', 'b']), /b has 2 names \(hard links\)/);
});

test(
  'a command of a plan: folder, environment, exit codes, what it is given and what others may change',
  LIMIT,
  async () => {
    const workspace = newWorkspace({ 'given.txt': 'given', 'hidden.txt': 'hidden', 'log.txt': '' });
    const shown =
      'pwd | sed "s#.*/##"; echo "$GREETING, $WHO"; ls ..; echo changed > ../out.txt; echo x > "$LOG"; exit 3';
    const { outputs } = await run(workspace, {
      steps: [
        { id: 'folder', use: 'file.write', with: { path: 'sub/a.txt', content: 'a' } },
        {
          id: 'run',
          use: 'command',
          needs: ['folder'],
          with: {
            run: shown,
            shell: true,
            cwd: 'sub',
            paths: ['given.txt', 'sub', 'out.txt'],
            env: { WHO: 'Ada', LOG: join(root, workspace, 'log.txt') },
            envFrom: ['PATH', 'GREETING'],
            okExitCodes: [0, 3],
            othersChange: ['log.txt'],
          },
          ...once,
        },
        {
          id: 'place',
          use: 'command',
          needs: ['run'],
          with: { run: ['cp', 'given.txt', 'placed.txt'], inPlace: true, inDoubt: 'repeat' },
          ...once,
        },
      ],
    });
    const ran = outputs['run'] as { readonly exitCode: number; readonly stdout: string };
    assert.deepEqual([ran.exitCode, ran.stdout], [3, 'sub\nhello, Ada\ngiven.txt\nsub\n']);
    assert.equal(readFileSync(join(root, workspace, 'out.txt'), 'utf8'), 'changed\n');
    assert.equal(readFileSync(join(root, workspace, 'placed.txt'), 'utf8'), 'given');
  },
);

test('a command of a plan ends at its limits of time and output', LIMIT, async () => {
  const slow = { use: 'command', with: { run: ['sleep', '60'], timeoutMs: 200, killGraceMs: 100 } };
  assert.match(await failureOf(slow), /200 ms|timed out|longer/);
  const chatty = { use: 'command', with: { run: ['seq', '1', '9999'], maxOutputBytes: 100 } };
  assert.match(await failureOf(chatty), /100 bytes/);
});

test('what a command of a plan says that it reads makes its step stale', LIMIT, async () => {
  const workspace = newWorkspace({ 'given.txt': 'given' });
  const command = { run: ['cp', 'given.txt', 'out.txt'], reads: ['given.txt'] };
  const handle = await start(workspace, {
    verifyAfterMinutes: 0.0001,
    steps: [
      { id: 'run', use: 'command', with: command },
      { id: 'gate', use: 'wait', needs: ['run'], with: { seconds: 2 } },
      { id: 'last', use: 'file.remove', needs: ['gate'], with: { path: 'none' } },
    ],
  });
  await untilDone(handle);
  writeFileSync(join(root, workspace, 'given.txt'), 'by a person');
  const { findings } = await untilAsked(handle);
  assert.deepEqual(
    findings.map(({ resource, rerunSteps }) => [resource, rerunSteps]),
    [['file:given.txt', ['run']]],
  );
  await handle.terminate();
});

test('database steps of a plan: values, what undoes them, columns of the record, a bound of rows', LIMIT, async () => {
  const workspace = newWorkspace();
  const databases = { main: { url: 'sqlite:app.db' } };
  const database = 'main';
  const select = 'SELECT id, text FROM note WHERE id > ?';
  const steps = [
    {
      id: 'table',
      use: 'db.sql',
      with: { database, sql: 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT, seen TEXT)', writes: ['note'] },
    },
    {
      id: 'row',
      use: 'db.sql',
      needs: ['table'],
      with: {
        database,
        sql: 'INSERT INTO note (id, text) VALUES (?, ?)',
        params: [1, 'one'],
        writes: ['note'],
        undo: { sql: 'DELETE FROM note WHERE id = ?', params: [1] },
      },
    },
    {
      id: 'rows',
      use: 'db.upsert',
      needs: ['row'],
      with: { database, table: 'note', rows: [{ id: 2, text: 'two', seen: 'no' }], columns: ['text'] },
    },
    { id: 'read', use: 'db.query', needs: ['rows'], with: { database, sql: select, params: [1], maxRows: 1 } },
  ];
  const { outputs } = await run(workspace, { databases, steps });
  assert.deepEqual(outputs['read'], { rows: [{ id: 2, text: 'two' }] });
  const many = await failureOf(
    { use: 'db.query', with: { database, sql: 'SELECT 1 AS a UNION SELECT 2', maxRows: 1 } },
    { databases },
  );
  assert.match(many, /1 row/);
});

test(
  'a column that a plan leaves out of the record may change; a statement is undone by the plan’s own',
  LIMIT,
  async () => {
    const workspace = newWorkspace();
    const database = 'main';
    const handle = await start(workspace, {
      databases: { main: { url: 'sqlite:app.db' } },
      verifyAfterMinutes: 0.0001,
      steps: [
        {
          id: 'table',
          use: 'db.sql',
          with: { database, sql: 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT, seen TEXT)', writes: ['note'] },
        },
        {
          id: 'rows',
          use: 'db.upsert',
          needs: ['table'],
          with: { database, table: 'note', rows: [{ id: 2, text: 'two', seen: 'no' }], columns: ['text'] },
        },
        {
          id: 'row',
          use: 'db.sql',
          needs: ['rows'],
          with: {
            database,
            sql: 'INSERT INTO note (id, text) VALUES (1, NULL)',
            writes: ['note'],
            undo: { sql: 'DELETE FROM note WHERE id = ?', params: [1] },
          },
        },
        { id: 'gate', use: 'wait', needs: ['row'], with: { seconds: 2 } },
        { id: 'last', use: 'file.write', needs: ['gate'], approval: 'before-apply', with: { path: 'x', content: 'x' } },
      ],
    });
    await untilDone(handle, 'row');
    const file = join(root, workspace, 'app.db');
    using db = new DatabaseSync(file);
    db.exec("UPDATE note SET seen = 'yes' WHERE id = 2");
    const { kind } = await untilAsked(handle);
    assert.equal(kind, 'approval', 'nothing differs');
    await handle.signal('abort', { by: 'ada@example.com', reason: 'enough', compensate: true });
    await handle.result().catch(() => undefined);
    const ids = db
      .prepare('SELECT id FROM note')
      .all()
      .map((row) => row['id']);
    assert.equal(ids.includes(1), false, 'the statement of the plan has undone it');
  },
);

test('a request of a plan: headers from the environment, body, accepted status, file', LIMIT, async () => {
  const workspace = newWorkspace();
  const authorization = { env: 'API_TOKEN', prefix: 'Bearer ' };
  const headers = { authorization, 'x-plain': 'plain' };
  const { outputs } = await run(workspace, {
    http,
    steps: [
      { id: 'post', use: 'http', with: { url: `${url}/echo`, method: 'POST', headers, json: { a: 1 } } },
      { id: 'text', use: 'http', needs: ['post'], with: { url: `${url}/echo`, method: 'PUT', body: 'text' } },
      { id: 'none', use: 'http', with: { url: `${url}/missing`, acceptStatus: [404] } },
      { id: 'save', use: 'http', with: { url: `${url}/long`, saveTo: 'saved.txt' } },
    ],
  });
  const [post, text] = received.filter((request) => request.url === '/echo');
  assert.deepEqual([post!.headers.authorization, post!.headers['x-plain']], ['Bearer t0ken', 'plain']);
  assert.deepEqual([post!.body, text!.body], ['{"a":1}', 'text']);
  assert.doesNotMatch(JSON.stringify(outputs), /t0ken/);
  assert.equal((outputs['none'] as { readonly status: number }).status, 404);
  assert.equal(readFileSync(join(root, workspace, 'saved.txt'), 'utf8'), 'x'.repeat(100));
});

test('a request of a plan ends at its limits of size and silence', LIMIT, async () => {
  const large = await failureOf({ use: 'http', with: { url: `${url}/long`, maxBytes: 10 } }, { http });
  assert.match(large, /10 bytes/);
  const silent = await failureOf({ use: 'http', with: { url: `${url}/silent`, timeoutMs: 200 } }, { http });
  assert.match(silent, /200 ms/);
});

test('a request of a plan that may be made again is, without a question', LIMIT, async () => {
  const dropped = (id: string): string => `${url}/dropped-once/${id}`;
  await run(newWorkspace(), {
    http,
    steps: [
      { id: 'key', use: 'http', with: { url: dropped('key'), method: 'POST', idempotent: true } },
      { id: 'read', use: 'http', with: { url: dropped('read'), method: 'POST', readOnly: true } },
    ],
  });
  const keys = received
    .filter((request) => request.url === '/dropped-once/key')
    .map(({ headers }) => headers['idempotency-key']);
  assert.equal(keys.length, 2);
  assert.equal(new Set(keys).size, 1);
});

/** Until this step is done. Default: the first. */
async function untilDone(handle: Awaited<ReturnType<typeof start>>, id?: string): Promise<void> {
  await untilStatus(handle, ({ steps }) =>
    steps.some((step, place) => step.state === 'done' && (id === undefined ? place === 0 : step.id === id)),
  );
}
