/** Two hosts, each with a copy of the workspace, one database between them: only the later term writes to it. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, test } from 'node:test';
import * as z from 'zod';
import { defineStep, implementStep, openTestJob, type TestJob } from '../../src/testing.ts';

const note = defineStep({ name: 'note', input: z.object({ id: z.int() }), output: z.object({}) });
const noteCode = implementStep(note, async (ctx, { id }) => {
  await ctx.files.write(`note-${id}.txt`, `note ${id}`);
  await ctx.db('main').insert('note', { id });
  return {};
});

let root: string;
const open: TestJob[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-hosts-'));
  mkdirSync(join(root, 'host-1'));
  const database = new DatabaseSync(join(root, 'main.db'));
  database.exec('CREATE TABLE note (id INTEGER PRIMARY KEY)');
  database.close();
});

afterEach(async () => {
  for (const job of open.splice(0)) await job.close();
  rmSync(root, { recursive: true, force: true });
});

function jobOn(host: string, options: Parameters<typeof openTestJob>[0] = {}): TestJob {
  const job = openTestJob({
    steps: [noteCode] as never,
    databases: { main: `sqlite:${join(root, 'main.db')}` },
    workspace: join(root, host),
    workerId: host,
    ...options,
  });
  open.push(job);
  return job;
}

function notes(): unknown[] {
  const database = new DatabaseSync(join(root, 'main.db'));
  try {
    return database
      .prepare('SELECT id FROM note ORDER BY id')
      .all()
      .map((row) => row['id']);
  } finally {
    database.close();
  }
}

test('a worker of the job’s former host writes nothing to a database that a later term has fenced', async () => {
  const before = jobOn('host-1');
  await before.step(note, { id: 1 }, { stepId: 'note-1' });
  const memory = { ...before.memory, steps: [...before.memory.steps] };
  cpSync(join(root, 'host-1'), join(root, 'host-2'), { recursive: true });
  const moved = jobOn('host-2', { resume: memory, runId: 'the Run on the other host' });
  await moved.step(note, { id: 2 }, { stepId: 'note-2' });
  assert.deepEqual(notes(), [1, 2]);

  // By its own ledger the worker may go on: the Run is the same, its term was compared, the worker is registered.
  const answer = await before.ask({ stepId: 'note-3', step: 'note', input: { id: 3 } });
  assert.deepEqual(
    [answer.kind, answer.kind === 'verification-required' && answer.detail],
    ['verification-required', 'database main has another term than 1'],
  );
  assert.deepEqual(notes(), [1, 2]);
  assert.ok(!existsSync(join(root, 'host-1/note-3.txt')));
});
