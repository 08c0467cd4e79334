/** A database may be called anything: a `/` or `%` in its name changes nothing of what is guaranteed. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import * as z from 'zod';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { defineStep, implementStep, openTestJob, QuestionAsked, type TestJob } from '../../src/testing.ts';
import { dieAt } from '../support/fault-hook.ts';
import { decide } from '../support/questions.ts';
import { sqliteRows, sqliteScript } from '../support/sqlite.ts';

const NAME = 'team/50%2F';
const step = defineStep({ name: 'step', input: z.object({}), output: z.object({}) });

let workspace: string;
let job: TestJob;
let code: (ctx: StepContext) => Promise<void>;

function open(resume?: TestJob['memory']): TestJob {
  const implementation = implementStep(step, async (ctx) => {
    await code(ctx);
    return {};
  });
  return openTestJob({
    workspace,
    steps: [implementation],
    databases: { [NAME]: 'sqlite:main.db' },
    ...(resume === undefined ? {} : { resume, workerId: 'another worker' }),
  });
}

beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), 'holdfast-names-'));
  sqliteScript(join(workspace, 'main.db'), 'CREATE TABLE counter (n INTEGER); INSERT INTO counter VALUES (0)');
  job = open();
});

afterEach(async () => {
  await job.close();
  rmSync(workspace, { recursive: true, force: true });
});

async function count(ctx: StepContext): Promise<void> {
  await ctx.files.readText('input.txt');
  await ctx.db(NAME).sql('UPDATE counter SET n = n + 1', [], {
    writes: ['counter'],
    undo: { text: 'UPDATE counter SET n = n - 1' },
  });
}

function counted(): unknown {
  return sqliteRows(join(workspace, 'main.db'), 'SELECT n FROM counter')[0]!['n'];
}

async function questionOf(asked: Promise<unknown>): Promise<QuestionAsked['question']> {
  const error = await asked.catch((thrown: unknown) => thrown);
  assert.ok(error instanceof QuestionAsked, String(error));
  return error.question;
}

test('a statement that a decision has undone is not undone again with the job', async () => {
  writeFileSync(join(workspace, 'input.txt'), 'one');
  code = count;
  await job.step(step, {}, { stepId: 'count' });
  writeFileSync(join(workspace, 'input.txt'), 'two');
  await job.close();
  job = open(job.memory);
  await decide(job, await questionOf(job.step(step, {}, { stepId: 'next' })), { answer: 'rerun' });
  await job.step(step, {}, { stepId: 'count' });
  assert.equal(counted(), 1);
  await job.undo();
  assert.equal(counted(), 0);
});

test('what a commit made whose worker died right after it is in the record all the same', async () => {
  writeFileSync(join(workspace, 'input.txt'), 'one');
  code = async (ctx) => {
    await ctx.db(NAME).sql('CREATE TABLE made (id INTEGER PRIMARY KEY)', [], { writes: ['made'] });
  };
  dieAt('commit.database-after');
  await job.step(step, {}, { stepId: 'make' }).catch(() => undefined);
  await job.close();
  job = open(job.memory);
  await job.step(step, {}, { stepId: 'make' });
  assert.equal((await job.verify()).kind, 'verified');
  sqliteScript(join(workspace, 'main.db'), 'ALTER TABLE made ADD COLUMN more TEXT');
  const verified = await job.verify();
  assert.ok(verified.kind === 'question', 'the record does not know the table that the step made');
  assert.equal(verified.question.findings[0]!.kind, 'schema-changed');
});

test('a table that changes between reading and applying makes what was read stale', async () => {
  let runs = 0;
  code = async (ctx) => {
    runs++;
    await ctx.db(NAME).query('SELECT n FROM counter');
    await ctx.files.write('out.txt', 'x');
  };
  const request = { stepId: 'read', step: 'step', input: {}, approval: 'before-apply' } as const;
  const question = await questionOf(job.run(request));
  sqliteScript(join(workspace, 'main.db'), 'ALTER TABLE counter ADD COLUMN more TEXT');
  await job.decide(question, { answer: 'approve' });
  await questionOf(job.run(request));
  assert.equal(runs, 2, 'what was approved was applied after the table had changed');
});
