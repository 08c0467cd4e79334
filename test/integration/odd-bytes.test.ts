/** Bytes that are no UTF-8 are told apart wherever a version, an answer or an output is looked at. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import * as z from 'zod';
import { digestOf } from '../../src/model/digest.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { defineStep, implementStep, openTestJob, type TestJob, type TestJobOptions } from '../../src/testing.ts';
import { manifestEntry, readLedger } from '../support/ledger.ts';
import { sqliteScript } from '../support/sqlite.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-odd-'));
/** What the endpoint and the tool tell. */
let told = Buffer.alloc(0);
const server = createServer((_request, response) => void response.end(told));
const free = defineStep({ name: 'free', input: z.object({}), output: z.any() });
let url: string;

before(async () => {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  writeFileSync(join(folder, 'tool'), `#!/bin/sh\ncat ${folder}/told\n`);
  chmodSync(join(folder, 'tool'), 0o755);
});
after(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

function tell(...parts: readonly (string | number)[]): void {
  told = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([part]))));
  writeFileSync(join(folder, 'told'), told);
}

function open(code: (ctx: StepContext) => unknown, options: TestJobOptions = {}): TestJob {
  return openTestJob({
    steps: [implementStep(free, async (ctx) => (await code(ctx)) ?? {}) as never],
    http: { hosts: [url] },
    env: { PATH: `${folder}:${process.env['PATH']}`, API_TOKEN: 'sk-planted-0123456789' },
    ...options,
  });
}

for (const [resource, watch, [start, end], value] of [
  ['endpoint:watch/v', { kind: 'endpoint', name: 'v', url: '', json: 'v' }, ['{"v":"caf', '"}'], { version: 'café' }],
  ['command:["tool"]', { kind: 'command', argv: ['tool'] }, ['caf', '\n'], { stdout: 'café\n' }],
] as const) {
  test(`two versions that differ in a byte that is no UTF-8 are two versions (${watch.kind})`, async () => {
    await using job = open(() => ({}), {
      watch: [watch.kind === 'endpoint' ? { ...watch, url } : { ...watch, argv: [...watch.argv] }],
    });
    const differs = async (): Promise<string> => {
      const result = await job.verify();
      assert.ok(result.kind === 'question', 'nothing is asked');
      assert.equal((await job.decide(result.question, { answer: 'accept' })).kind, 'repaired');
      return result.question.findings[0]!.found.text;
    };
    tell('\ufeff', start, 'é', end);
    assert.equal((await job.verify()).kind, 'verified');
    const recorded = manifestEntry(job.workspace, job.jobId, resource)?.state;
    assert.ok(recorded?.kind === 'value' && recorded.value === digestOf(value), 'valid UTF-8 keeps its digest');
    tell(start, 0xe9, end);
    assert.match(await differs(), /caf<E9>/);
    assert.equal((await job.verify()).kind, 'verified');
    tell(start, 0xe8, end);
    assert.match(await differs(), /caf<E8>/);
    tell(start, '<E8>', end);
    await differs();
    tell(start, '\ufffd', end);
    assert.match(await differs(), /caf\ufffd/);
  });
}

test('a part of an answer that is UTF-8 is no other version while bytes elsewhere are odd', async () => {
  await using job = open(() => ({}), { watch: [{ kind: 'endpoint', name: 'v', url, json: 'v' }] });
  tell('{"v":1,"by":"caf', 0xe9, '"}');
  assert.equal((await job.verify()).kind, 'verified');
  tell('{"v":1,"by":"caf', 'é', '"}');
  assert.equal((await job.verify()).kind, 'verified');
});

test('an answer and an output show a byte that is no UTF-8 as itself, and are recorded as what they are', async () => {
  const texts: string[] = [];
  for (const secrets of [[], ['API_TOKEN']]) {
    await using job = open(
      async (ctx) => {
        texts.push((await ctx.http('get', { url })).text);
        texts.push((await ctx.command(['cat', join(folder, 'told')])).stdout);
      },
      { secrets },
    );
    for (const [index, byte] of ['é', 0xe9, 0xe8, '\ufffd', '<E9>'].entries()) {
      tell('\ufeff', byte, '€');
      await job.step(free, {}, { stepId: `s${index}` });
    }
    const answers = readLedger(job.workspace, (ledger) => ledger.performs(job.jobId).map(({ answer }) => answer));
    assert.equal(new Set(answers).size, 5, 'each answer is another');
  }
  assert.deepEqual(
    texts,
    [1, 2].flatMap(() => ['é€', '<E9>€', '<E8>€', '\ufffd€', '<E9>€'].flatMap((text) => [text, text])),
  );
});

test('two rows of SQLite that differ in a byte that is no UTF-8 are two, and so are answers of queries', async () => {
  const workspace = mkdtempSync(join(folder, 'sqlite-'));
  const path = join(workspace, 'main.db');
  const write = (hex: string): void =>
    sqliteScript(path, `UPDATE note SET text = CAST(x'${hex}' AS TEXT) WHERE id = 1`);
  sqliteScript(path, "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO note VALUES (1, 'a')");
  write('61E9');
  const seen: unknown[] = [];
  await using job = open(
    async (ctx) => {
      const [row] = await ctx.db('main').query('SELECT text FROM note; -- all');
      seen.push(row!['text']);
      await ctx.db('main').upsert('note', { id: 2, text: '\ufffd' });
    },
    {
      workspace,
      databases: { main: 'sqlite:main.db' },
      watch: [
        { kind: 'query', name: 'q', database: 'main', sql: 'SELECT id, text FROM note WHERE id = 1', params: [] },
      ],
    },
  );
  await job.step(free, {}, { stepId: 'a' });
  assert.deepEqual(seen, [new Uint8Array([0x61, 0xe9])], 'code is given the bytes');
  assert.equal((await job.verify()).kind, 'verified');
  for (const hex of ['61E8', '61EFBFBD']) {
    write(hex);
    const result = await job.verify();
    assert.ok(result.kind === 'question', hex);
    await job.decide(result.question, { answer: 'accept' });
    assert.equal((await job.verify()).kind, 'verified');
  }
});

test('a row that the job wrote and whose text somebody made odd is asked about, and shows the byte', async () => {
  const workspace = mkdtempSync(join(folder, 'sqlite-'));
  const path = join(workspace, 'main.db');
  sqliteScript(path, 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)');
  await using job = open(async (ctx) => await ctx.db('main').upsert('note', { id: 1, text: 'caf\ufffd' }), {
    workspace,
    databases: { main: 'sqlite:main.db' },
  });
  await job.step(free, {}, { stepId: 'a' });
  sqliteScript(path, "UPDATE note SET text = CAST(x'636166E9' AS TEXT)");
  const result = await job.verify();
  assert.ok(result.kind === 'question');
  assert.match(result.question.findings[0]!.difference, /expected "caf\ufffd", found "caf<E9>"/);
  await job.decide(result.question, { answer: 'restore' });
  assert.equal((await job.verify()).kind, 'verified');
});
