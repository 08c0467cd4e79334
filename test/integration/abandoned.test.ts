/**
 * A half-applied step that the Workflow does not request any more (it was reset and goes another way) is finished by
 * the comparison, and a person is asked about its result. A step that reads what it changed does not wait for ever.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import * as z from 'zod';
import { dbSqlStep } from '../../src/model/step/built-in/database.ts';
import { fileCopyStep } from '../../src/model/step/built-in/file.ts';
import { HoldfastError } from '../../src/model/failure.ts';
import { setFaultHook, type FaultPoint } from '../../src/store/fault-point.ts';
import {
  defineStep,
  implementStep,
  openTestJob,
  type TestJob,
  type TestJobMemory,
  type TestJobOptions,
} from '../../src/testing.ts';
import { dieAt } from '../support/fault-hook.ts';
import { decisionsOf, readLedger, stepRecordsOf } from '../support/ledger.ts';
import { questionFrom } from '../support/questions.ts';

const both = defineStep({ name: 'both', input: z.strictObject({}), output: z.strictObject({ done: z.boolean() }) });
const bothCode = implementStep(both, async (ctx) => {
  await ctx.files.write('target.txt', 'by the step\n');
  await ctx.files.write('second.txt', 'by the step\n');
  await ctx.db('main').insert('figure', { id: 1, text: 'by the step' });
  return { done: true };
});
const OPTIONS = { steps: [bothCode], databases: { main: 'sqlite:main.db' } } satisfies TestJobOptions;

let opened: TestJob[];
beforeEach(() => void (opened = []));
afterEach(async () => {
  setFaultHook(undefined);
  for (const job of opened.reverse()) await job.close();
});

function open(options: Partial<TestJobOptions> = {}): TestJob {
  const job = openTestJob({ ...OPTIONS, ...options });
  opened.push(job);
  return job;
}

/** A job whose step `both` was killed at a point, and what the Workflow knew before it. */
async function killed(
  point: FaultPoint,
): Promise<{ readonly job: TestJob; readonly memory: TestJobMemory; readonly workspace: string }> {
  const job = open();
  const { workspace } = job;
  writeFileSync(join(workspace, 'target.txt'), 'from the beginning\n');
  await job.step(
    dbSqlStep,
    { database: 'main', sql: 'CREATE TABLE figure (id INTEGER PRIMARY KEY, text TEXT)', writes: ['figure'] },
    { stepId: 'table', uses: [] },
  );
  await job.step(fileCopyStep, { from: 'target.txt', to: 'copy.txt' }, { stepId: 'copy', uses: [] });
  const memory = { ...job.memory, steps: [...job.memory.steps] };
  dieAt(point);
  await assert.rejects(job.step(both, {}, { stepId: 'both', uses: ['copy'] }));
  return { job, memory, workspace };
}

const READER = { stepId: 'reader', step: 'file.copy', input: { from: 'target.txt', to: 'read.txt' } };

for (const point of [
  'applying.after',
  'commit.database-after',
  'commit.file-renamed',
  'record.before',
] satisfies FaultPoint[]) {
  test(`after a reset, a half-applied step (${point}) not requested again is finished and asked about`, async () => {
    const { job, memory, workspace } = await killed(point);
    const reset = open({ workspace, resume: memory, runId: 'run-2', workerId: 'second' });
    const question = await questionFrom(reset.run(READER));
    assert.deepEqual(
      question.findings.map(({ resource, kind, answers }) => [resource, kind, answers.join()]),
      [['step:both', 'ahead-after-reset', 'keep,undo,recheck,abort']],
    );
    assert.equal((await reset.decide(question, { answer: 'keep' })).kind, 'repaired');
    await reset.run(READER);
    assert.equal(readFileSync(join(workspace, 'read.txt'), 'utf8'), 'by the step\n');
    assert.equal(readFileSync(join(workspace, 'second.txt'), 'utf8'), 'by the step\n');
    const [record, ...more] = stepRecordsOf(workspace, job.jobId, 'both');
    assert.deepEqual([record?.runId, more.length], [memory.runId, 0]);
    assert.equal((await reset.verify()).kind, 'verified');
    await reset.release();
    assert.equal(
      readLedger(workspace, (ledger) => ledger.boundJobId()),
      undefined,
    );
  });

  test(`after a reset, a half-applied step (${point}) that is requested again goes on by itself`, async () => {
    const { memory, workspace } = await killed(point);
    const reset = open({ workspace, resume: memory, runId: 'run-2', workerId: 'second' });
    assert.deepEqual(await reset.step(both, {}, { stepId: 'both', uses: ['copy'] }), { done: true });
    await reset.run(READER);
    assert.equal(readFileSync(join(workspace, 'read.txt'), 'utf8'), 'by the step\n');
  });
}

test('in the same Run the next comparison finishes an abandoned half-applied step without a question', async () => {
  const { job, memory, workspace } = await killed('commit.file-renamed');
  const successor = open({ workspace, resume: memory, workerId: 'second' });
  await successor.run(READER);
  assert.equal(readFileSync(join(workspace, 'read.txt'), 'utf8'), 'by the step\n');
  assert.equal(stepRecordsOf(workspace, job.jobId, 'both').length, 1);
  assert.deepEqual(decisionsOf(workspace, job.jobId), []);
});

test('after continue-as-new, too: it is no reset', async () => {
  const { job, memory, workspace } = await killed('commit.file-renamed');
  const next = open({
    workspace,
    resume: { ...memory, base: memory.known, steps: [], continuedFrom: memory.runId },
    runId: 'run-2',
    workerId: 'second',
  });
  await next.run(READER);
  assert.equal(readFileSync(join(workspace, 'read.txt'), 'utf8'), 'by the step\n');
  assert.deepEqual(
    stepRecordsOf(workspace, job.jobId, 'both').map(({ runId }) => runId),
    ['run-2'],
  );
});

test('a person’s change to a half-applied file is asked about; after the decision the step is finished', async () => {
  const { memory, workspace } = await killed('applying.after');
  writeFileSync(join(workspace, 'target.txt'), 'by a person\n');
  const reset = open({ workspace, resume: memory, runId: 'run-2', workerId: 'second' });
  const question = await questionFrom(reset.run(READER));
  assert.deepEqual(question.findings.map(({ resource, class: cls }) => `${resource} ${cls}`).sort(), [
    'file:target.txt conflict',
  ]);
  assert.equal((await reset.decide(question, { answer: 'skip' })).kind, 'repaired');
  await reset.run(READER);
  assert.equal(readFileSync(join(workspace, 'read.txt'), 'utf8'), 'by a person\n');
  assert.equal(readFileSync(join(workspace, 'second.txt'), 'utf8'), 'by the step\n');
});

test('what can never be finished is a question; rerun takes it back', async () => {
  const { memory, workspace } = await killed('applying.after');
  const before = Object.fromEntries(
    ['target.txt', 'copy.txt'].map((path) => [path, readFileSync(join(workspace, path), 'utf8')]),
  );
  const reset = open({ workspace, resume: memory, runId: 'run-2', workerId: 'second' });
  setFaultHook((reached) => {
    if (reached === 'prepare.database-begun') throw new HoldfastError('sql-failed', 'The statement is refused.');
  });
  const question = await questionFrom(reset.run(READER));
  setFaultHook(undefined);
  assert.deepEqual(
    question.findings.map(({ resource, class: cls, rerunSteps }) => [resource, cls, rerunSteps.join()]),
    [['step:both', 'stuck', 'both']],
  );
  assert.match(
    question.findings[0]!.found.text,
    new RegExp(
      'Step both is half applied, the Workflow does not ask for it any more, and it cannot be finished: ' +
        String.raw`The statement is refused\.`,
    ),
  );
  assert.equal((await reset.decide(question, { answer: 'rerun' })).kind, 'repaired');
  await reset.run(READER);
  assert.equal(readFileSync(join(workspace, 'read.txt'), 'utf8'), before['target.txt']);
  const database = new DatabaseSync(join(workspace, 'main.db'));
  assert.equal(database.prepare('SELECT count(*) AS n FROM figure').get()?.['n'], 0);
  database.close();
});
