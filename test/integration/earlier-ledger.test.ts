/**
 * A workspace that an earlier version made opens, and its job goes on: record, contents, open questions, token rows.
 *
 * `test/fixtures/workspace-0.1.0.tar.gz` holds the workspace of a job that was stopped while it waited for an approval:
 * a table, two files, a row, a value of `once`, an answered call, a blob; `memory.json` is what its Workflow knew.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import * as z from 'zod';
import { defineStep, implementStep, openTestJob, QuestionAsked, type TestJobMemory } from '../../src/testing.ts';
import { sqliteRows } from '../support/sqlite.ts';

const FIXTURE = join(import.meta.dirname, '../fixtures/workspace-0.1.0.tar.gz');
const PUBLISH = { stepId: 'publish', step: 'file.copy', input: { from: 'Seattle.md', to: 'public.md' } } as const;

const report = defineStep({
  name: 'report',
  input: z.object({ city: z.string() }),
  output: z.object({ rain: z.number() }),
});
const steps = [
  implementStep(report, () => {
    throw new Error('a step that is done runs again');
  }),
];

let workspace: string;
let job: ReturnType<typeof openTestJob>;

beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), 'holdfast-earlier-'));
  execFileSync('tar', ['-xzf', FIXTURE, '-C', workspace]);
  const resume = JSON.parse(readFileSync(join(workspace, 'memory.json'), 'utf8')) as TestJobMemory;
  job = openTestJob({ steps, workspace, resume, databases: { main: 'sqlite:main.db' }, workerId: 'a later version' });
});

afterEach(async () => {
  await job.close();
  rmSync(workspace, { recursive: true, force: true });
});

async function question(): Promise<QuestionAsked['question']> {
  const asked = await job.run({ ...PUBLISH, approval: 'before-apply' }).catch((error: unknown) => error);
  assert.ok(asked instanceof QuestionAsked, String(asked));
  return asked.question;
}

test('nothing differs, the approval is still asked, and what was approved is applied', async () => {
  assert.equal((await job.verify()).kind, 'verified');
  const approval = await question();
  assert.equal(approval.kind, 'approval');
  assert.equal((await job.decide(approval, { answer: 'approve' })).kind, 'repaired');
  await job.run({ ...PUBLISH, approval: 'before-apply' });
  assert.equal(readFileSync(join(workspace, 'public.md'), 'utf8'), 'Notes.\nSeattle: 17 mm (n-1)\n');
});

test('a step that is done answers from the record of then', async () => {
  assert.deepEqual(await job.step(report, { city: 'Seattle' }, { stepId: 'report' }), { rain: 17 });
});

test('a file that was changed since is put back from the contents of then', async () => {
  appendFileSync(join(workspace, 'large.txt'), 'edited');
  const drift = await question();
  assert.deepEqual(
    drift.findings.map(({ resource, kind }) => `${resource} ${kind}`),
    ['file:large.txt changed'],
  );
  assert.equal((await job.decide(drift, { answer: 'restore' })).kind, 'repaired');
  assert.equal(readFileSync(join(workspace, 'large.txt'), 'utf8'), 'x'.repeat(40_000));
});

test('what the job did then is undone now', async () => {
  const { left } = await job.undo();
  assert.deepEqual(left.map(({ what }) => what).toSorted(), [
    'perform:report/notify',
    'run SQL on main: CREATE TABLE weather (city TEXT PRIMARY KEY, rain INTEGER NOT NULL)',
  ]);
  assert.deepEqual(sqliteRows(join(workspace, 'main.db'), 'SELECT * FROM weather'), []);
  assert.throws(() => readFileSync(join(workspace, 'notes.md')), { code: 'ENOENT' });
});
