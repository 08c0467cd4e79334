/** The guarded step, without a server: once, stable, atomic, never over somebody's change. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, test } from 'node:test';
import * as z from 'zod';
import { dbSqlStep } from '../../src/model/step/built-in/database.ts';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { isFailure } from '../../src/model/failure.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { defineStep, implementStep, openTestJob, type TestJob } from '../../src/testing.ts';
import { readLedger, stepRecordsOf } from '../support/ledger.ts';
import { comparedQuestion, questionFrom } from '../support/questions.ts';

const act = defineStep({ name: 'act', input: z.object({ of: z.string().optional() }), output: z.any() });
const other = defineStep({ name: 'other', input: z.object({}), output: z.any() });

let code: (ctx: StepContext) => unknown;
let otherCode: (ctx: StepContext) => unknown;
let runs: number;
let job: TestJob;

const steps = (): never =>
  [
    implementStep(act, async (ctx) => {
      runs += 1;
      return (await code(ctx)) ?? {};
    }),
    implementStep(other, async (ctx) => (await otherCode(ctx)) ?? {}),
  ] as never;

beforeEach(async () => {
  runs = 0;
  job = openTestJob({ steps: steps(), databases: { main: 'sqlite:data/main.db' } });
  await job.step(
    dbSqlStep,
    { database: 'main', sql: 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)', writes: ['note'] },
    { stepId: 'table' },
  );
});

afterEach(async () => {
  setFaultHook(undefined);
  await job.close();
});

const at = (place: string): string => join(job.workspace, place);
const text = (place: string): string => readFileSync(at(place), 'utf8');
const doAct = (stepId = 'act'): Promise<unknown> => job.step(act, {}, { stepId });

function rows(): unknown[] {
  const database = new DatabaseSync(at('data/main.db'));
  try {
    return database
      .prepare('SELECT id, text FROM note ORDER BY id')
      .all()
      .map((row) => ({ ...row }));
  } finally {
    database.close();
  }
}

test('a step writes a file and a row once; its record answers when it is asked again', async () => {
  code = async (ctx) => {
    await ctx.files.write('out/count.txt', '5\n');
    await ctx.db('main').insert('note', { id: 1, text: 'five' });
    return { bytes: 5 };
  };
  assert.deepEqual(await doAct(), { bytes: 5 });
  assert.deepEqual(await doAct(), { bytes: 5 });
  assert.equal(runs, 1);
  assert.equal(text('out/count.txt'), '5\n');
  assert.deepEqual(rows(), [{ id: 1, text: 'five' }]);
  assert.equal(stepRecordsOf(job.workspace, job.jobId, 'act').length, 1);
});

test('nothing is in the world before the code has returned, and nothing of code that throws', async () => {
  code = async (ctx) => {
    await ctx.files.write('staged.txt', 'x');
    await ctx.db('main').insert('note', { id: 1, text: 'x' });
    assert.equal(existsSync(at('staged.txt')), false);
    assert.equal(await ctx.files.readText('staged.txt'), 'x', 'the step itself sees it');
    throw new Error('in the middle');
  };
  await assert.rejects(doAct(), (error) => isFailure(error, 'step-failed'));
  assert.equal(existsSync(at('staged.txt')), false);
  assert.deepEqual(rows(), []);
});

test('what a database refuses leaves the files alone', async () => {
  code = async (ctx) => {
    await ctx.files.write('file.txt', 'x');
    await ctx.db('main').insert('note', { id: 1, text: null });
  };
  const question = await questionFrom(doAct());
  assert.equal(question.kind, 'stuck');
  assert.match(question.findings[0]!.found.text, /sql-failed.*NOT NULL|text/);
  assert.equal(existsSync(at('file.txt')), false);
  assert.deepEqual(rows(), []);
});

test("a person's edit between two steps is noticed and never overwritten", async () => {
  await job.step(fileWriteStep, { path: 'a.txt', content: 'hello' }, { stepId: 'first' });
  writeFileSync(at('a.txt'), 'edited');
  const question = await questionFrom(
    job.step(fileWriteStep, { path: 'a.txt', content: 'again' }, { stepId: 'second' }),
  );
  assert.equal(text('a.txt'), 'edited');
  await job.decide(question, { answer: 'restore' });
  assert.equal(text('a.txt'), 'hello');
  await job.step(fileWriteStep, { path: 'a.txt', content: 'again' }, { stepId: 'second' });
  assert.equal(text('a.txt'), 'again');
});

test('a read of what the record knows must find what the record says', async () => {
  await job.step(fileWriteStep, { path: 'a.txt', content: 'hello' }, { stepId: 'first' });
  writeFileSync(at('a.txt'), 'edited');
  code = async (ctx) => ({ text: await ctx.files.readText('a.txt') });
  assert.equal((await questionFrom(doAct())).findings[0]!.resource, 'file:a.txt');
});

test('a change of what a step read, before it applies, drops the draft: it runs again on what is there', async () => {
  writeFileSync(at('input.txt'), 'first');
  code = async (ctx) => {
    const seen = await ctx.files.readText('input.txt');
    await ctx.files.write('copy.txt', seen);
    if (runs === 1) writeFileSync(at('input.txt'), 'second');
    return { seen };
  };
  assert.deepEqual(await doAct(), { seen: 'second' });
  assert.equal(runs, 2);
  assert.equal(text('copy.txt'), 'second');
});

test('inputs that keep changing become a question, not a loop', async () => {
  writeFileSync(at('input.txt'), '0');
  code = async (ctx) => {
    await ctx.files.write('copy.txt', await ctx.files.readText('input.txt'));
    writeFileSync(at('input.txt'), String(runs));
  };
  const question = await questionFrom(doAct());
  assert.equal(question.findings[0]!.kind, 'inputs-keep-changing');
  assert.equal(runs, 3);
  assert.equal(existsSync(at('copy.txt')), false);
});

test('rows that an ad-hoc query read are compared again before the step applies', async () => {
  code = async (ctx) => {
    const [row] = await ctx.db('main').query<{ n: number }>('SELECT count(*) AS n FROM note');
    if (runs === 1) {
      const database = new DatabaseSync(at('data/main.db'));
      database.exec("INSERT INTO note VALUES (7, 'somebody')");
      database.close();
    }
    await ctx.files.write('count.txt', String(row!.n));
  };
  await doAct();
  assert.equal(text('count.txt'), '1');
  assert.equal(runs, 2);
});

test('ctx.once gives the same value on a retry while what was read is the same', async () => {
  writeFileSync(at('input.txt'), 'question');
  const answers: number[] = [];
  code = async (ctx) => {
    await ctx.files.readText('input.txt');
    const answer = await ctx.once('answer', () => Math.random());
    answers.push(answer);
    if (runs < 3) throw new Error('the network');
    await ctx.files.write('answer.txt', String(answer));
    return { answer };
  };
  for (let failed = 0; failed < 2; failed++) await assert.rejects(doAct());
  await doAct();
  assert.equal(new Set(answers).size, 1);
});

test('ctx.once begins anew when what was read has changed, and keeps the old value as evidence', async () => {
  writeFileSync(at('input.txt'), 'first');
  code = async (ctx) => {
    const input = await ctx.files.readText('input.txt');
    const answer = await ctx.once('answer', () => `answer to ${input}`);
    if (runs === 1) throw new Error('the network');
    return { answer };
  };
  await assert.rejects(doAct());
  writeFileSync(at('input.txt'), 'second');
  assert.deepEqual(await doAct(), { answer: 'answer to second' });
  const [record] = stepRecordsOf(job.workspace, job.jobId, 'act');
  assert.deepEqual(
    readLedger(job.workspace, (ledger) => ledger.once.all(record!.token)).map(({ value }) => value),
    ['"answer to first"', '"answer to second"'],
  );
  assert.ok(
    job.logs.some((message) => message.includes('a new draft begins')),
    job.logs.join('; '),
  );
});

test('a token that meets other arguments is refused', async () => {
  code = () => ({});
  await doAct();
  const question = await questionFrom(job.step(act, { of: 'another' }, { stepId: 'act' }));
  assert.equal(question.kind, 'stuck');
  assert.match(question.findings[0]!.found.text, /token-conflict.*other arguments/);
  assert.equal(runs, 1);
});

test('while a question about the world is open nothing applies: the step is held', async () => {
  await job.step(fileWriteStep, { path: 'a.txt', content: 'hello' }, { stepId: 'first' });
  code = async (ctx) => {
    await ctx.files.write('late.txt', 'x');
    writeFileSync(at('a.txt'), 'edited while it ran');
    assert.equal((await job.verify()).kind, 'question');
  };
  const question = await questionFrom(doAct());
  assert.equal(question.findings[0]!.resource, 'file:a.txt');
  assert.equal(existsSync(at('late.txt')), false);
  await job.decide(question, { answer: 'accept' });
  await doAct();
  assert.equal(text('late.txt'), 'x');
  assert.equal(runs, 1, 'what it computed is not thrown away');
});

test('a worker that the last comparison does not cover compares first', async () => {
  const successor = openTestJob({
    workspace: job.workspace,
    steps: steps(),
    databases: { main: 'sqlite:data/main.db' },
    resume: job.memory,
    workerId: 'new here',
  });
  try {
    code = () => ({});
    const result = await successor.ask({ stepId: 'act', step: 'act', input: {} });
    assert.deepEqual(
      [result.kind, result.kind === 'verification-required' && result.reason],
      ['verification-required', 'worker-not-covered'],
    );
    // A refusal is no comparison: a parallel step of the same worker is not covered either.
    const again = await successor.ask({ stepId: 'other', step: 'act', input: {} });
    assert.deepEqual(
      [again.kind, again.kind === 'verification-required' && again.reason],
      ['verification-required', 'worker-not-covered'],
    );
    assert.equal(runs, 0);
  } finally {
    await successor.close();
  }
});

test('another Run of the job compares first, also on the worker that compared for the last one', async () => {
  const reset = openTestJob({
    workspace: job.workspace,
    steps: steps(),
    databases: { main: 'sqlite:data/main.db' },
    resume: job.memory,
    runId: 'after a reset',
  });
  try {
    code = () => ({});
    const result = await reset.ask({ stepId: 'act', step: 'act', input: {} });
    assert.deepEqual(
      [result.kind, result.kind === 'verification-required' && result.reason],
      ['verification-required', 'first-of-run'],
    );
    assert.equal(runs, 0);
  } finally {
    await reset.close();
  }
});

test('a lost worker leaves its claim open: the world is compared before the step runs again', async () => {
  let lose = (): void => undefined;
  const lost = new Promise<void>((resolve) => (lose = resolve));
  code = async () => {
    if (runs > 1) return {};
    lose();
    return await new Promise(() => undefined);
  };
  void doAct().catch(() => undefined);
  await lost;
  const result = await job.ask({ stepId: 'act', step: 'act', input: {} });
  assert.equal(result.kind === 'verification-required' && result.reason, 'claim-left-open');
  assert.equal((await job.verify()).kind, 'verified');
  assert.equal((await job.ask({ stepId: 'act', step: 'act', input: {} })).kind, 'done');
});

test('an attempt that was overtaken can neither record nor apply', async () => {
  let goOn = (): void => undefined;
  const waiting = new Promise<void>((resolve) => (goOn = resolve));
  let started = (): void => undefined;
  const isRunning = new Promise<void>((resolve) => (started = resolve));
  code = async (ctx) => {
    const mine = runs;
    if (mine === 1) {
      started();
      await waiting;
    }
    await ctx.files.write('who.txt', `attempt ${mine}`);
    return { mine };
  };
  const first = doAct().catch((error: unknown) => error);
  await isRunning;
  await job.ask({ stepId: 'act', step: 'act', input: {} });
  await job.verify();
  assert.equal((await job.ask({ stepId: 'act', step: 'act', input: {} })).kind, 'done');
  goOn();
  assert.ok(isFailure(await first, 'fenced'), String(await first));
  assert.equal(text('who.txt'), 'attempt 2');
});

test('two steps of one super-step that write one file are an error, whoever is first', async () => {
  code = async (ctx) => await ctx.files.write('same.txt', 'a');
  otherCode = async (ctx) => await ctx.files.write('same.txt', 'b');
  await job.step(act, {}, { stepId: 'a', parallelWith: ['b'] });
  const question = await questionFrom(job.step(other, {}, { stepId: 'b', parallelWith: ['a'] }));
  assert.match(
    question.findings[0]!.found.text,
    /same-target-twice: Steps b and a run in parallel and both write file:same\.txt/,
  );
  assert.equal(text('same.txt'), 'a');
});

test('what was written since a super-step began was written at once with its steps, and nothing earlier', async () => {
  code = async (ctx) => await ctx.files.write('same.txt', 'a');
  otherCode = async (ctx) => await ctx.files.write('same.txt', 'b');
  const parallelSince = job.memory.known.seq;
  await job.step(act, {}, { stepId: 'a', parallelSince });
  const question = await questionFrom(job.step(other, {}, { stepId: 'b', parallelSince }));
  assert.match(question.findings[0]!.found.text, /Steps b and a run in parallel and both write file:same\.txt/);
  await job.step(other, {}, { stepId: 'c', parallelSince: job.memory.known.seq });
  assert.equal(text('same.txt'), 'b');
});

test('a step that waits for its approval collides with those of its own super-step alone', async () => {
  code = async (ctx) => await ctx.files.write('same.txt', 'a');
  otherCode = async (ctx) => await ctx.files.write('same.txt', 'b');
  const parallelSince = job.memory.known.seq;
  await questionFrom(job.step(act, {}, { stepId: 'a', parallelSince, approval: 'before-apply' }));
  const question = await questionFrom(job.step(other, {}, { stepId: 'b', parallelSince }));
  assert.match(question.findings[0]!.found.text, /Steps b and a run in parallel and both write file:same\.txt/);
  await job.step(other, {}, { stepId: 'c', parallelSince: parallelSince + 1 });
  assert.equal(text('same.txt'), 'b');
});

test('a record between two that a reset Workflow holds is put to a person like one behind them', async () => {
  code = async (ctx) => await ctx.files.write('same.txt', 'a');
  for (const stepId of ['a', 'b', 'c']) await job.step(act, {}, { stepId });
  const { memory, workspace } = job;
  const held = memory.steps.filter(([stepId]) => stepId !== 'b');
  const resume = { ...memory, steps: held, runId: 'reset' };
  await using reset = openTestJob({ steps: steps(), databases: { main: 'sqlite:data/main.db' }, workspace, resume });
  const { findings } = await comparedQuestion(reset);
  assert.deepEqual(
    findings.map(({ resource, kind }) => `${resource} ${kind}`),
    ['step:b ahead-after-reset'],
  );
});

test('a file that a folder stands in the way of is refused, and nothing is changed', async () => {
  mkdirSync(at('taken'));
  code = async (ctx) => await ctx.files.write('taken', 'x');
  const question = await questionFrom(doAct());
  assert.ok(question.findings.length > 0);
  assert.equal(existsSync(at('taken')), true);
});

test('a table with staged changes cannot be queried in the same step', async () => {
  code = async (ctx) => {
    await ctx.db('main').insert('note', { id: 1, text: 'x' });
    return await ctx.db('main').query('SELECT * FROM note');
  };
  assert.match((await questionFrom(doAct())).findings[0]!.found.text, /staged-table-query/);
});
