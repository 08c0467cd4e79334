/** What a question advises is carried out as it is worded, from the question to the end of the job. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeFileSync } from 'node:fs';
import * as z from 'zod';
import { HoldfastError, isFailure } from '../../src/model/failure.ts';
import { FAILURES, type FailureType } from '../../src/model/failures.ts';
import type { FindingKind } from '../../src/model/question/finding.ts';
import type { Question } from '../../src/model/question/question.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { defineStep, implementStep, type TestJob } from '../../src/testing.ts';
import { databaseTests, testPostgres } from '../support/database-jobs.ts';
import { mark, questionOf, SQLITE_FILE } from '../support/drift.ts';
import { DriftedJob, onceAFile } from '../support/drifted-job.ts';
import { comparedQuestion, decide, questionFrom } from '../support/questions.ts';
import { sqliteScript } from '../support/sqlite.ts';

const postgres = await testPostgres();
const check = databaseTests(postgres);
const reading = defineStep({ name: 'reading', input: z.object({}), output: z.object({}) });
let writesMeanwhile: () => void = () => undefined;
const drifted = onceAFile(
  new DriftedJob([
    implementStep(reading, async (ctx) => {
      await ctx.files.write('copy.txt', await ctx.files.readText('notes/unrelated.txt'));
      writesMeanwhile();
      return {};
    }),
  ]),
);

/** The advice of the one finding of that kind. */
function adviceOf({ findings }: Question, kind: FindingKind): string {
  assert.deepEqual(
    findings.map((finding) => finding.kind),
    [kind],
  );
  return findings[0]!.advice ?? '';
}

async function goesOnToItsEnd(): Promise<void> {
  await drifted.job.step(mark, {}, { stepId: 'mark' });
  await drifted.job.release('completed');
}

test('a note of a step that somebody edited is accepted where what the step did is there', async () => {
  drifted.begin();
  const last = '(SELECT max(rowid) FROM holdfast_token)';
  sqliteScript(drifted.at(SQLITE_FILE), `UPDATE holdfast_token SET "rows" = 'edited' WHERE rowid = ${last};`);
  const question = await questionOf(drifted.job, drifted.copy);
  assert.match(adviceOf(question, 'token-changed'), /accept only where what the step did is there/);
  assert.equal(drifted.sql('SELECT id FROM note WHERE id = 3').length, 1, 'it is there');
  await drifted.decide(question, { answer: 'accept' });
  await goesOnToItsEnd();
});

test('a decision that could not be carried out is carried out first after recheck, once it can be', async () => {
  drifted.begin();
  writeFileSync(drifted.at('out/a.txt'), 'edited\n');
  const drift = await comparedQuestion(drifted.job);
  setFaultHook((point) => {
    if (point === 'repair.item-before') throw new HoldfastError('permission-denied', 'The disk may not be written.');
  });
  await assert.rejects(drifted.job.decide(drift, { answer: 'restore' }), (error) =>
    isFailure(error, 'permission-denied'),
  );
  const question = await comparedQuestion(drifted.job);
  const advice = adviceOf(question, 'decision-not-carried-out');
  assert.equal(advice, 'Grant the worker access. Then answer recheck: the decision is carried out first.');
  setFaultHook(undefined);
  await drifted.decide(question, { answer: 'recheck' });
  await goesOnToItsEnd();
  assert.equal(drifted.text('out/a.txt'), 'one\ntwo\nthree\n');
});

test('a step whose inputs kept changing runs again once nobody changes them', async () => {
  drifted.begin();
  await drifted.job.verify();
  let n = 0;
  const file = drifted.at('notes/unrelated.txt');
  writesMeanwhile = () => writeFileSync(file, String((n += 1)));
  const question = await questionFrom(drifted.job.step(reading, {}, { stepId: 'reading' }));
  assert.match(
    adviceOf(question, 'inputs-keep-changing'),
    /^Let nobody change what the step reads while it runs, then/,
  );
  writesMeanwhile = () => undefined;
  await drifted.decide(question, { answer: 'rerun' });
  await drifted.job.step(reading, {}, { stepId: 'reading' });
  await goesOnToItsEnd();
});

for (const [how, goesBack] of [
  ["once the worker's URL points back to it and recheck is answered", true],
  ['in the other database after accept', false],
] as const)
  check(
    `a job that was led to another database goes on ${how}`,
    async (jobs) => {
      const first = jobs.open();
      await jobs.direct('CREATE TABLE note (id integer PRIMARY KEY, text text)');
      await jobs.run(first, 'write', (ctx) => ctx.db('main').insert('note', { id: 1, text: 'one' }));
      await first.close();
      const other = await postgres.database(jobs.url);
      const led = jobs.open({ resume: first.memory, workerId: 'led elsewhere', env: { MAIN_URL: other } });
      const more = (job: TestJob): Promise<unknown> =>
        jobs.run(job, 'more', (ctx) => ctx.db('main').insert('note', { id: 2, text: 'two' }));
      const question = await questionFrom(more(led));
      assert.match(
        adviceOf(question, 'database-replaced'),
        /Point the worker's URL back to that one and answer recheck; accept goes on in this one/,
      );
      const job = goesBack ? jobs.open({ resume: led.memory, workerId: 'led back' }) : led;
      await decide(job, question, { answer: goesBack ? 'recheck' : 'accept' });
      await more(job);
      await job.release('completed');
      await led.close();
      const both = [{ id: 1 }, { id: 2 }];
      assert.deepEqual(await jobs.rows('SELECT id FROM note ORDER BY id'), goesBack ? both : [{ id: 1 }]);
    },
    'PostgreSQL',
  );

/** A step that fails, how the advice after that failure is followed, and how its code reads then. */
interface Stuck {
  readonly type: FailureType;
  readonly breaks: (ctx: StepContext) => unknown;
  /** What somebody does outside of the step's code. */
  readonly mends?: string;
  readonly mended?: (ctx: StepContext) => unknown;
}

const insert = (ctx: StepContext): unknown => ctx.db('main').insert('later', { id: 1 });
const STUCK: readonly Stuck[] = [
  { type: 'unknown-table', breaks: insert, mends: 'CREATE TABLE later (id integer PRIMARY KEY)' },
  {
    type: 'no-key',
    breaks: insert,
    mends: 'DROP TABLE IF EXISTS later; CREATE TABLE later (id integer PRIMARY KEY)',
  },
  {
    type: 'sql-failed',
    breaks: (ctx) => ctx.db('main').sql('INSERT INTO account VALUES (1)', [], { writes: ['account'] }),
    mends: 'DELETE FROM account',
  },
  { type: 'not-json', breaks: () => new Date(0), mended: () => new Date(0).toISOString() },
  { type: 'too-large', breaks: () => 'x'.repeat(300_000), mended: (ctx) => ctx.files.write('large.txt', 'x') },
  {
    type: 'outside-workspace',
    breaks: (ctx) => ctx.files.write('../out.txt', 'x'),
    mended: (ctx) => ctx.files.write('out.txt', 'x'),
  },
  {
    type: 'reserved-path',
    breaks: (ctx) => ctx.files.write('.holdfast/x.txt', 'x'),
    mended: (ctx) => ctx.files.write('x.txt', 'x'),
  },
  {
    type: 'step-failed',
    breaks: () => {
      throw new Error('the service says no');
    },
    mended: () => null,
  },
];

for (const { type, breaks, mends, mended = breaks } of STUCK)
  check(
    `what is advised after ${type} lets the step and the job go on to their end`,
    async (jobs) => {
      const job = jobs.open();
      await jobs.direct('CREATE TABLE account (id integer PRIMARY KEY)', 'INSERT INTO account VALUES (1)');
      if (type === 'no-key') await jobs.direct('CREATE TABLE later (id integer)');
      const more = { maxAttempts: 1 };
      const question = await questionFrom(jobs.run(job, 'stuck', breaks, more));
      assert.equal(adviceOf(question, 'step-cannot-go-on'), FAILURES[type].nextStep);
      assert.ok(question.findings[0]!.found.text.startsWith(`${type}: `), question.findings[0]!.found.text);
      if (mends !== undefined) await jobs.direct(mends);
      const next = jobs.open({ resume: job.memory, workerId: 'restarted' });
      await decide(next, question, { answer: 'rerun' });
      await jobs.run(next, 'stuck', mended, more);
      await next.release('completed');
    },
    'SQLite',
  );
