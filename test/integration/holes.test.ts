/** Schedules that once broke a guarantee, each reduced to its shortest form. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, test } from 'node:test';
import * as z from 'zod';
import { dbSqlStep, dbUpsertStep } from '../../src/model/step/built-in/database.ts';
import { fileCopyStep, fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { HoldfastError, isFailure } from '../../src/model/failure.ts';
import { setFaultHook, type FaultPoint } from '../../src/store/fault-point.ts';
import { defineStep, implementStep, openTestJob, type TestJob, type TestJobOptions } from '../../src/testing.ts';
import { dieAt } from '../support/fault-hook.ts';
import { questionFrom } from '../support/questions.ts';

const NOTHING = z.strictObject({});

let job: TestJob;
let successors: TestJob[];

beforeEach(() => {
  successors = [];
});
afterEach(async () => {
  setFaultHook(undefined);
  for (const successor of successors) await successor.close();
  await job.close();
});

const at = (place: string): string => join(job.workspace, place);

/** Opens the job as another worker that goes on from what the Workflow remembers. */
function successorOf(options: TestJobOptions, id = 'its successor'): TestJob {
  const successor = openTestJob({ ...options, workspace: job.workspace, resume: job.memory, workerId: id });
  successors.push(successor);
  return successor;
}

test('a value that was used beside a renewed one stays what it was in the draft that begins', async () => {
  const plan = defineStep({
    name: 'plan',
    input: NOTHING,
    output: z.strictObject({ topic: z.number(), outline: z.string() }),
  });
  let calls = 0;
  let attempt = 0;
  const code = implementStep(plan, async (ctx) => {
    attempt += 1;
    const topic = await ctx.once('topic', () => (calls += 1));
    const text = await ctx.files.readText('input.txt');
    const outline = await ctx.once('outline', () => `topic ${topic} of ${text}`);
    if (attempt < 3) throw new Error(`attempt ${attempt} fails`);
    return { topic, outline };
  });
  job = openTestJob({ steps: [code] });
  writeFileSync(at('input.txt'), 'first');
  await assert.rejects(job.step(plan, {}));
  // The file was read but is not recorded yet: its change is no discrepancy, but drops the draft.
  writeFileSync(at('input.txt'), 'second');
  await assert.rejects(job.step(plan, {}));
  assert.deepEqual(await job.step(plan, {}), { topic: 1, outline: 'topic 1 of second' });
  assert.equal(calls, 1);
});

test(
  'a step without effects that takes longer than the job may go without a comparison comes to its end',
  { timeout: 30_000 },
  async () => {
    const think = defineStep({ name: 'think', input: NOTHING, output: z.strictObject({ run: z.number() }) });
    let runs = 0;
    const code = implementStep(think, async () => {
      runs += 1;
      await sleep(600);
      return { run: runs };
    });
    job = openTestJob({ steps: [code], verifyAfterMs: 500 });
    let asked = 0;
    for (; asked < 6; asked++) {
      const result = await job.ask({ stepId: 'think', step: 'think', input: {} });
      if (result.kind === 'done') break;
      assert.equal(result.kind, 'verification-required');
      await job.verify();
    }
    assert.ok(asked < 6, 'it is run again and again');
    assert.equal(runs, 1);
  },
);

const input = z.strictObject({ text: z.string() });
const write = defineStep({ name: 'write', input, output: z.strictObject({ text: z.string() }) });

test('a step in flight whose input a decision made void applies nothing, and is given its new input', async () => {
  let meanwhile = async (): Promise<void> => await Promise.resolve();
  const code = implementStep(write, async (ctx, { text }) => {
    const act = meanwhile;
    meanwhile = async () => await Promise.resolve();
    await act();
    await ctx.files.write('written.txt', text);
    return { text };
  });
  job = openTestJob({ steps: [code] });
  writeFileSync(at('input.txt'), 'first\n');
  await job.step(fileCopyStep, { from: 'input.txt', to: 'copy.txt' }, { stepId: 'copy', uses: [] });
  meanwhile = async () => {
    writeFileSync(at('input.txt'), 'second\n');
    const verified = await job.verify();
    assert.ok(verified.kind === 'question');
    assert.equal((await job.decide(verified.question, { answer: 'rerun' })).kind, 'repaired');
  };
  const result = await job.ask({
    stepId: 'write',
    step: 'write',
    input: { text: 'from the first copy' },
    uses: ['copy'],
  });
  assert.equal(result.kind, 'verification-required', JSON.stringify(result));
  assert.equal(existsSync(at('written.txt')), false);
  await job.step(fileCopyStep, { from: 'input.txt', to: 'copy.txt' }, { stepId: 'copy', uses: [] });
  await job.step(write, { text: 'from the second copy' }, { stepId: 'write', uses: ['copy'] });
  assert.equal(readFileSync(at('written.txt'), 'utf8'), 'from the second copy');
});

test('a value that was computed from another input is computed again', async () => {
  let attempt = 0;
  const code = implementStep(write, async (ctx, { text }) => {
    const answer = await ctx.once('answer', () => `an answer to ${text}`);
    if ((attempt += 1) === 1) throw new Error('the first attempt fails');
    return { text: answer };
  });
  job = openTestJob({ steps: [code] });
  await assert.rejects(job.step(write, { text: 'the old question' }, { stepId: 'write' }));
  // The step's input was void: the step is requested again with its new input.
  assert.deepEqual(await job.step(write, { text: 'the new question' }, { stepId: 'write' }), {
    text: 'an answer to the new question',
  });
});

test('an accepted file that goes away while the decision is carried out does not stop the job', async () => {
  job = openTestJob();
  writeFileSync(at('input.txt'), 'first\n');
  await job.step(fileCopyStep, { from: 'input.txt', to: 'folder/copy.txt' });
  writeFileSync(at('folder/copy.txt'), 'a person wrote this\n');
  const verified = await job.verify();
  assert.ok(verified.kind === 'question');
  dieAt('repair.sealed-after');
  await assert.rejects(job.decide(verified.question, { answer: 'accept' }));
  rmSync(at('folder'), { recursive: true });
  const successor = successorOf({});
  const next = await successor.verify();
  assert.ok(next.kind === 'question');
  assert.ok(
    next.question.findings.some(({ resource, kind }) => resource === 'file:folder/copy.txt' && kind === 'missing'),
  );
});

test('an undo that meets a path it must not look at leaves it, and tells', async () => {
  job = openTestJob();
  const outside = join(tmpdir(), `holdfast-outside-${process.pid}`);
  try {
    writeFileSync(at('input.txt'), 'first\n');
    mkdirSync(at('folder'));
    await job.step(fileCopyStep, { from: 'input.txt', to: 'folder/copy.txt' });
    writeFileSync(at('input.txt'), 'second\n');
    const verified = await job.verify();
    assert.ok(verified.kind === 'question');
    // After the question: the folder now leads out of the workspace.
    renameSync(at('folder'), outside);
    symlinkSync(outside, at('folder'));
    const result = await job.decide(verified.question, { answer: 'rerun' });
    assert.ok(result.kind === 'repaired');
    assert.ok(
      result.notes.some((note) => note.startsWith('file:folder/copy.txt: unchanged')),
      result.notes.join('\n'),
    );
    assert.equal(readFileSync(join(outside, 'copy.txt'), 'utf8'), 'first\n');
  } finally {
    rmSync(outside, { recursive: true, force: true });
  }
});

for (const [what, statement] of [
  ['a record that is no JSON', `UPDATE record SET body = '{' WHERE seq = 2`],
  ["a manifest's entry that is no JSON", `UPDATE manifest SET entry = '{' WHERE resource = 'file:copy.txt'`],
  [
    "a manifest's entry that says another state than its record",
    `UPDATE manifest SET entry = replace(entry, '"sizeBytes":6', '"sizeBytes":7') WHERE resource = 'file:copy.txt'`,
  ],
  ['settings that are no JSON', `UPDATE job SET settings = '{'`],
] as const) {
  test(`${what} is damage, and a person is asked`, async () => {
    job = openTestJob();
    writeFileSync(at('input.txt'), 'first\n');
    await job.step(fileCopyStep, { from: 'input.txt', to: 'copy.txt' });
    const database = new DatabaseSync(at('.holdfast/ledger.sqlite'));
    database.exec(statement);
    database.close();
    const successor = successorOf({});
    // A step or a comparison finds the damage, and asks a person: it is never only an error.
    assert.equal(
      (await successor.ask({ stepId: 'next', step: 'file.copy', input: { from: 'input.txt', to: 'next.txt' } })).kind,
      'verification-required',
    );
    const result = await successor.verify();
    assert.ok(result.kind === 'question');
    assert.equal(result.question.kind, 'damaged');
    assert.equal((await successor.decide(result.question, { answer: 'abort' })).kind, 'repaired');
  });
}

test('a ledger that is no database any more is damage, and a person is asked', async () => {
  const workspace = mkdtempSync(join(tmpdir(), 'holdfast-holes-'));
  job = openTestJob({ workspace });
  try {
    writeFileSync(at('input.txt'), 'first\n');
    await job.step(fileCopyStep, { from: 'input.txt', to: 'copy.txt' });
    await job.close();
    rmSync(at('.holdfast/ledger.sqlite-wal'), { force: true });
    rmSync(at('.holdfast/ledger.sqlite-shm'), { force: true });
    writeFileSync(at('.holdfast/ledger.sqlite'), 'no database at all'.repeat(1_000));
    const successor = successorOf({});
    assert.equal(
      (await successor.ask({ stepId: 'next', step: 'file.copy', input: { from: 'input.txt', to: 'next.txt' } })).kind,
      'verification-required',
    );
    const result = await successor.verify();
    assert.ok(result.kind === 'question');
    assert.equal(result.question.kind, 'damaged');
    // Looked at again, it is asked about again.
    assert.equal((await successor.decide(result.question, { answer: 'recheck' })).kind, 'repaired');
    const again = await successor.verify();
    assert.deepEqual([again.kind, 'question' in again && again.question.kind], ['question', 'damaged']);
  } finally {
    rmSync(workspace, { recursive: true, force: true });
  }
});

/** The job's first steps: a table with these rows. */
async function writeNotes(rows: { readonly id: number; readonly text: string }[]): Promise<void> {
  await job.step(dbSqlStep, {
    database: 'main',
    sql: 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)',
    writes: ['note'],
  });
  await job.step(dbUpsertStep, { database: 'main', table: 'note', rows });
}

/** A comparison finds nothing; else its findings are shown. */
async function mustVerify(compared: TestJob): Promise<void> {
  const result = await compared.verify();
  const findings = result.kind === 'question' ? result.question.findings : [];
  const texts = findings.map(({ resource, found }) => [resource, found.text]);
  assert.equal(result.kind, 'verified', JSON.stringify(texts));
}

for (const point of [undefined, 'applying.after', 'commit.database-after'] satisfies (FaultPoint | undefined)[]) {
  const death = point === undefined ? 'nobody dies' : `killed at ${point}`;
  test(`what a raw statement makes of recorded rows is no drift (${death})`, async () => {
    const databases = { main: 'sqlite:main.db' };
    job = openTestJob({ databases });
    await writeNotes([
      { id: 1, text: 'first' },
      { id: 2, text: 'SECOND' },
    ]);
    const request = {
      stepId: 'upper',
      step: 'db.sql',
      input: { database: 'main', sql: 'UPDATE note SET text = upper(text)', writes: ['note'] },
    };
    if (point !== undefined) {
      dieAt(point);
      await assert.rejects(job.run(request));
    }
    const successor = successorOf({ databases });
    await successor.run(request);
    await mustVerify(successor);
  });
}

test('a raw statement does not take in what somebody else has changed: it is asked about first', async () => {
  job = openTestJob({ databases: { main: 'sqlite:main.db' } });
  await writeNotes([{ id: 1, text: 'first' }]);
  const database = new DatabaseSync(at('main.db'));
  database.exec("UPDATE note SET text = 'a person wrote this'");
  const question = await questionFrom(
    job.step(
      dbSqlStep,
      { database: 'main', sql: 'UPDATE note SET text = upper(text)', writes: ['note'] },
      { stepId: 'upper' },
    ),
  );
  assert.deepEqual(
    question.findings.map(({ resource }) => resource),
    ['row:main/note/{"id":1}'],
  );
  assert.deepEqual({ ...database.prepare('SELECT text FROM note').get() }, { text: 'a person wrote this' });
  database.close();
});

test('a table under another spelling of its name is the same table', async () => {
  job = openTestJob({ databases: { main: 'sqlite:main.db' } });
  await writeNotes([{ id: 1, text: 'first' }]);
  await job.step(dbUpsertStep, { database: 'main', table: 'NOTE', rows: [{ id: 1, text: 'second' }] });
  await job.step(dbSqlStep, {
    database: 'main',
    sql: 'ALTER TABLE note ADD COLUMN size INTEGER',
    writes: ['main.Note'],
  });
  await mustVerify(job);
});

test('what was adopted after one reset is asked about after the next', async () => {
  job = openTestJob();
  writeFileSync(at('input.txt'), 'first\n');
  await job.step(fileCopyStep, { from: 'input.txt', to: 'a.txt' }, { stepId: 'a' });
  const before = { ...job.memory, steps: [...job.memory.steps] };
  await job.step(fileCopyStep, { from: 'input.txt', to: 'b.txt' }, { stepId: 'b' });
  for (const runId of ['run-2', 'run-3']) {
    const reset = openTestJob({ workspace: job.workspace, resume: before, runId, workerId: runId });
    successors.push(reset);
    const result = await reset.verify('first-of-run');
    assert.ok(result.kind === 'question', runId);
    assert.deepEqual(
      result.question.findings.map(({ resource, kind }) => `${resource} ${kind}`),
      ['step:b ahead-after-reset'],
    );
    assert.equal((await reset.decide(result.question, { answer: 'keep' })).kind, 'repaired');
    assert.equal((await reset.verify()).kind, 'verified');
  }
});

test('a step waits for what another step has half applied, and does not request comparisons for ever', async () => {
  job = openTestJob();
  writeFileSync(at('a.txt'), 'one');
  writeFileSync(at('b.txt'), 'two');
  await job.step(fileCopyStep, { from: 'a.txt', to: 'target.txt' }, { stepId: 'first' });
  const second = { stepId: 'second', step: 'file.copy', input: { from: 'b.txt', to: 'target.txt' } };
  dieAt('commit.file-renamed');
  await assert.rejects(job.run(second));
  const third = { stepId: 'third', step: 'file.copy', input: { from: 'target.txt', to: 'c.txt' } };
  await assert.rejects(job.run(third), (error) => isFailure(error, 'busy') && error.message.includes('second'));
  await job.run(second);
  await job.run(third);
  assert.equal(readFileSync(at('c.txt'), 'utf8'), 'two');
});

test('a sealed decision that cannot be carried out is asked about, then carried out when it is possible', async () => {
  job = openTestJob({});
  await job.step(fileWriteStep, { path: 'a.txt', content: 'A' }, { stepId: 'a' });
  writeFileSync(at('a.txt'), 'edited');
  const drift = await job.verify();
  assert.equal(drift.kind, 'question');
  setFaultHook((point) => {
    if (point === 'repair.item-before') throw new HoldfastError('permission-denied', 'The disk may not be written.');
  });
  const question = (drift as Extract<typeof drift, { kind: 'question' }>).question;
  await assert.rejects(job.decide(question, { answer: 'restore' }), (error) => isFailure(error, 'permission-denied'));
  const asked = await job.verify();
  assert.equal(asked.kind, 'question');
  const [finding] = (asked as Extract<typeof asked, { kind: 'question' }>).question.findings;
  assert.equal(finding!.kind, 'decision-not-carried-out');
  assert.match(finding!.found.text, /The disk may not be written/);
  assert.deepEqual(finding!.answers, ['recheck', 'abort']);
  setFaultHook(undefined);
  assert.equal((await job.verify()).kind, 'verified');
  assert.equal(readFileSync(at('a.txt'), 'utf8'), 'A');
});
