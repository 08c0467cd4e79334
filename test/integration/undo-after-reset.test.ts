/** After a reset: what the Workflow has forgotten is undone, newest first, and runs again when it comes to it. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import * as z from 'zod';
import type { Question } from '../../src/model/question/question.ts';
import { dbSqlStep } from '../../src/model/step/built-in/database.ts';
import { fileCopyStep } from '../../src/model/step/built-in/file.ts';
import { setFaultHook, type FaultPoint } from '../../src/store/fault-point.ts';
import { defineStep, implementStep, openTestJob, type TestJob, type TestJobMemory } from '../../src/testing.ts';
import { dieAt } from '../support/fault-hook.ts';
import { decisionsOf, stepRecordsOf } from '../support/ledger.ts';
import { comparedQuestion } from '../support/questions.ts';

const both = defineStep({
  name: 'both',
  input: z.strictObject({}),
  output: z.strictObject({ generation: z.number() }),
});
const bothCode = implementStep(both, async (ctx) => {
  await ctx.files.write('target.txt', 'by the step\n');
  await ctx.files.write('second.txt', 'by the step\n');
  await ctx.db('main').insert('figure', { id: 1, text: 'by the step' });
  return { generation: ctx.generation };
});

let opened: TestJob[] = [];
afterEach(async () => {
  setFaultHook(undefined);
  for (const job of opened.reverse()) await job.close();
  opened = [];
});

function open(options: {
  readonly workspace?: string;
  readonly resume?: TestJobMemory;
  readonly runId?: string;
}): TestJob {
  const job = openTestJob({ steps: [bothCode], databases: { main: 'sqlite:main.db' }, ...options });
  opened.push(job);
  return job;
}

/** Two steps that a reset makes forgotten: the second one changes again what the first one made. */
async function forgotten(): Promise<{ readonly workspace: string; readonly reset: () => TestJob }> {
  const job = open({});
  const { workspace } = job;
  writeFileSync(join(workspace, 'target.txt'), 'from the beginning\n');
  const sql = 'CREATE TABLE figure (id INTEGER PRIMARY KEY, text TEXT)';
  await job.step(dbSqlStep, { database: 'main', sql, writes: ['figure'] }, { stepId: 'table' });
  await job.step(fileCopyStep, { from: 'target.txt', to: 'copy.txt' }, { stepId: 'copy' });
  const memory = { ...job.memory, steps: [...job.memory.steps] };
  await job.step(both, {}, { stepId: 'both' });
  await job.step(fileCopyStep, { from: 'copy.txt', to: 'second.txt' }, { stepId: 'later' });
  let runs = 1;
  return { workspace, reset: () => open({ workspace, resume: memory, runId: `run-${(runs += 1)}` }) };
}

function rowsOf(workspace: string): number {
  using database = new DatabaseSync(join(workspace, 'main.db'));
  return database.prepare('SELECT id FROM figure').all().length;
}

function assertUndone(workspace: string): void {
  assert.equal(readFileSync(join(workspace, 'target.txt'), 'utf8'), 'from the beginning\n');
  assert.equal(existsSync(join(workspace, 'second.txt')), false);
  assert.equal(rowsOf(workspace), 0);
}

async function asked(job: TestJob): Promise<Question> {
  const question = await comparedQuestion(job);
  assert.deepEqual(
    question.findings.map(({ resource, kind, answers }) => [resource, kind, answers.join()]),
    ['both', 'later'].map((id) => [`step:${id}`, 'ahead-after-reset', 'keep,undo,recheck,abort']),
  );
  return question;
}

test('steps that a reset made forgotten are undone, newest first, and run again under a new generation', async () => {
  const { workspace, reset } = await forgotten();
  const job = reset();
  const result = await job.decide(await asked(job), { answer: 'undo' });
  assert.ok(result.kind === 'repaired', JSON.stringify(result));
  assert.deepEqual(result.reruns, [
    { stepId: 'both', generation: 1 },
    { stepId: 'later', generation: 1 },
  ]);
  assertUndone(workspace);
  assert.equal((await job.verify()).kind, 'verified');
  assert.deepEqual(await job.step(both, {}, { stepId: 'both' }), { generation: 1 });
  await job.step(fileCopyStep, { from: 'copy.txt', to: 'second.txt' }, { stepId: 'later' });
  assert.equal(rowsOf(workspace), 1);
  assert.equal(readFileSync(join(workspace, 'second.txt'), 'utf8'), 'from the beginning\n');
  assert.equal(stepRecordsOf(workspace, job.jobId, 'copy').length, 1, 'what the Workflow has is not run again');
  assert.equal((await job.verify()).kind, 'verified');
});

const POINTS: readonly FaultPoint[] = [
  'repair.sealed-before',
  'repair.sealed-after',
  'repair.item-before',
  'repair.item-after',
  'commit.file-renamed',
  'repair.database-ready',
  'term.fence-raised',
  'repair.term-raised',
  'repair.record-before',
  'repair.record-after',
];

for (const point of POINTS)
  test(`killed at ${point}, the undoing of forgotten steps ends as one that was not`, async () => {
    const { workspace, reset } = await forgotten();
    const first = reset();
    const question = await asked(first);
    dieAt(point);
    await assert.rejects(first.decide(question, { answer: 'undo' }), /dies here/);
    // Whoever comes next carries out what was sealed before anything is compared.
    if (point === 'repair.sealed-before')
      assert.equal((await first.decide(question, { answer: 'undo' })).kind, 'repaired');
    assert.equal((await first.verify()).kind, 'verified');
    assertUndone(workspace);
    assert.equal(decisionsOf(workspace, first.jobId).length, 1);
    assert.equal((await first.decide(question, { answer: 'undo' })).kind, 'repaired', 'it answers with what was done');
    assert.deepEqual(await first.step(both, {}, { stepId: 'both' }), { generation: 1 });
    assert.equal(rowsOf(workspace), 1);
  });

test('what nothing undoes must be named; no forgotten step is kept beside one that is undone', async () => {
  const job = open({});
  const { workspace } = job;
  const memory = { ...job.memory, steps: [...job.memory.steps] };
  const sql = 'CREATE TABLE IF NOT EXISTS figure (id INTEGER PRIMARY KEY, text TEXT)';
  await job.step(dbSqlStep, { database: 'main', sql, writes: ['figure'] }, { stepId: 'table' });
  await job.step(both, {}, { stepId: 'both' });
  const reset = open({ workspace, resume: memory, runId: 'run-2' });
  const question = await comparedQuestion(reset);
  const refusal = async (decision: Parameters<TestJob['decide']>[1]): Promise<string> => {
    const result = await reset.decide(question, decision);
    return result.kind === 'refused' ? result.problems.join('; ') : result.kind;
  };
  assert.match(await refusal({ answer: 'undo' }), /undo for step:table runs again what nothing undoes \(CREATE TABLE/);
  assert.match(
    await refusal({ items: { 'step:both': 'undo', 'step:table': 'keep' } }),
    /undo for step:both contradicts keep for step:table/,
  );
  assert.equal(rowsOf(workspace), 1, 'nothing was changed');
  assert.equal(await refusal({ answer: 'undo', items: { 'statements:table': 'repeat' } }), 'repaired');
  assert.equal(rowsOf(workspace), 0);
});

test('what somebody has changed since the reset is asked with it, and is not undone over', async () => {
  const { workspace, reset } = await forgotten();
  writeFileSync(join(workspace, 'target.txt'), 'by a person\n');
  const job = reset();
  const question = await comparedQuestion(job);
  const undo = { 'step:both': 'undo', 'step:later': 'undo' } as const;
  const refused = await job.decide(question, { items: { ...undo, 'file:target.txt': 'accept' } });
  assert.match(JSON.stringify(refused), /accept for file:target\.txt contradicts undo for step:both/);
  assert.equal(readFileSync(join(workspace, 'target.txt'), 'utf8'), 'by a person\n');
});
