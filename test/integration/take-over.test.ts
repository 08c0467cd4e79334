/**
 * An ended job's workspace is taken by another: what the first had half applied is finished, decided on, or keeps the
 * workspace.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, test } from 'node:test';
import * as z from 'zod';
import { dbSqlStep } from '../../src/model/step/built-in/database.ts';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import type { Question } from '../../src/model/question/question.ts';
import type { ChainRecord } from '../../src/model/record/record.ts';
import { WorkspaceInspection } from '../../src/protocol/inspect/inspection.ts';
import { setFaultHook, type FaultPoint } from '../../src/store/fault-point.ts';
import { defineStep, implementStep, openTestJob, QuestionAsked, type TestJob } from '../../src/testing.ts';
import { chainOf, readLedger, stepRecordsOf } from '../support/ledger.ts';
import { questionFrom } from '../support/questions.ts';

const pair = defineStep({ name: 'pair', input: z.strictObject({}), output: z.strictObject({}) });
const pairCode = implementStep(pair, async (ctx) => {
  await ctx.files.write('one.txt', 'ours 1\n');
  await ctx.files.write('two.txt', 'ours 2\n');
  await ctx.db('main').insert('note', { id: 1, text: 'ours' });
  return {};
});

const pay = defineStep({ name: 'pay', input: z.strictObject({}), output: z.null() });
const payCode = implementStep(pay, async (ctx) => {
  await ctx.perform('charge', { request: { amount: 7 }, run: () => Promise.reject(new Error('cut')) });
  return null;
});

const databases = { main: 'sqlite:main.db' };
let workspace: string;
let first: TestJob;
let second: TestJob;

beforeEach(async () => {
  workspace = mkdtempSync(join(tmpdir(), 'holdfast-take-over-'));
  first = openTestJob({ workspace, steps: [pairCode, payCode], databases });
  second = openTestJob({ workspace, steps: [pairCode], databases });
  await first.step(
    dbSqlStep,
    { database: 'main', sql: 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)', writes: ['note'] },
    { stepId: 'table' },
  );
  await first.step(fileWriteStep, { path: 'two.txt', content: 'older\n' }, { stepId: 'older' });
});

afterEach(async () => {
  setFaultHook(undefined);
  await second.close();
  await first.close();
  rmSync(workspace, { recursive: true, force: true });
});

const at = (place: string): string => join(workspace, place);
const text = (place: string): string => readFileSync(at(place), 'utf8');
const boundTo = (): string | undefined => readLedger(workspace, (ledger) => ledger.boundJobId());
const stateOfPair = (): string | undefined =>
  readLedger(workspace, (ledger) => ledger.openIntents(first.jobId)[0]?.state);
const released = (): ChainRecord | undefined => chainOf(workspace, first.jobId).find(({ kind }) => kind === 'released');

function rows(): unknown[] {
  const database = new DatabaseSync(at('main.db'));
  try {
    return database
      .prepare('SELECT id, text FROM note')
      .all()
      .map((row) => ({ ...row }));
  } finally {
    database.close();
  }
}

/** The first job's worker dies while its step is being applied, and its Workflow is ended from outside. */
async function dieWhileApplying(point: FaultPoint = 'applying.after'): Promise<void> {
  setFaultHook((reached) => {
    if (reached !== point) return;
    setFaultHook(undefined);
    throw new Error('the worker dies here');
  });
  await assert.rejects(first.step(pair, {}), /the worker dies here/);
  assert.equal(stateOfPair(), 'applying');
}

async function questionOfSecond(): Promise<Question> {
  const question = await questionFrom(
    second.step(fileWriteStep, { path: 'second.txt', content: 'second\n' }, { stepId: 'mine' }),
  );
  assert.equal(existsSync(at('second.txt')), false);
  return question;
}

async function secondGoesOn(): Promise<void> {
  await second.step(fileWriteStep, { path: 'second.txt', content: 'second\n' }, { stepId: 'mine' });
  assert.equal(boundTo(), second.jobId);
  assert.equal(released()?.kind, 'released');
}

test('what an ended job had half applied is finished before its workspace is taken', async () => {
  await dieWhileApplying();
  const question = await questionOfSecond();
  assert.deepEqual(
    question.findings.map(({ resource }) => resource),
    ['workspace:'],
  );
  assert.match(question.findings[0]!.found.text, /half applied: pair/);
  assert.equal((await second.decide(question, { answer: 'accept' })).kind, 'repaired');
  assert.deepEqual([text('one.txt'), text('two.txt'), rows()], ['ours 1\n', 'ours 2\n', [{ id: 1, text: 'ours' }]]);
  assert.equal(stepRecordsOf(workspace, first.jobId, 'pair').length, 1);
  await secondGoesOn();
});

for (const [answer, left] of [
  ['skip', "a person's\n"],
  ['overwrite', 'ours 2\n'],
] as const) {
  test(`what an ended job half applied and somebody changed is asked about with its workspace: ${answer}`, async () => {
    await dieWhileApplying();
    writeFileSync(at('two.txt'), "a person's\n");
    const question = await questionOfSecond();
    assert.deepEqual(
      question.findings.map(({ resource, kind, answers }) => [resource, kind, answers]),
      [
        ['workspace:', 'bound-to-another-job', ['accept', 'recheck', 'abort']],
        ['file:two.txt', 'target-neither-before-nor-after', ['skip', 'overwrite', 'recheck', 'abort']],
      ],
    );
    assert.equal(
      (await second.decide(question, { answer: 'accept' })).kind,
      'refused',
      'the file needs an answer of its own',
    );
    assert.equal(
      (await second.decide(question, { items: { 'workspace:': 'accept', 'file:two.txt': answer } })).kind,
      'repaired',
    );
    assert.deepEqual([text('one.txt'), text('two.txt'), rows()], ['ours 1\n', left, [{ id: 1, text: 'ours' }]]);
    assert.equal(
      stepRecordsOf(workspace, first.jobId, 'pair')[0]?.effects[1]?.outcome,
      answer === 'skip' ? 'skipped' : 'applied',
    );
    await secondGoesOn();
  });
}

test('an answer about what an ended job had half applied holds only for what it saw', async () => {
  await dieWhileApplying();
  writeFileSync(at('two.txt'), "a person's\n");
  const question = await questionOfSecond();
  writeFileSync(at('two.txt'), "a person's second thought\n");
  assert.equal(
    (await second.decide(question, { items: { 'workspace:': 'accept', 'file:two.txt': 'overwrite' } })).kind,
    'world-moved',
  );
  assert.deepEqual(
    [text('two.txt'), boundTo(), stateOfPair()],
    ["a person's second thought\n", first.jobId, 'applying'],
  );
});

test('an ended job’s step that nobody can finish keeps the workspace bound; the next question says why', async () => {
  await dieWhileApplying();
  const question = await questionOfSecond();
  // Between the question and the answer, so that the answer meets it.
  writeFileSync(at('two.txt'), "a person's\n");
  assert.equal((await second.decide(question, { answer: 'accept' })).kind, 'repaired');
  assert.deepEqual(
    [boundTo(), stateOfPair(), released(), text('two.txt')],
    [first.jobId, 'applying', undefined, "a person's\n"],
  );
  const next = await questionOfSecond();
  assert.notEqual(next.digest, question.digest);
  assert.deepEqual(
    next.findings.map(({ resource }) => resource),
    ['workspace:', 'file:two.txt'],
  );
  assert.match(
    next.findings[0]!.advice ?? '',
    /Tried, and not done: .*step pair: half applied and not finished.*file:two\.txt/,
  );
  await second.decide(next, { items: { 'workspace:': 'accept', 'file:two.txt': 'skip' } });
  await secondGoesOn();
});

test('a database that is away keeps an ended job its half-applied step and its workspace', async () => {
  await dieWhileApplying();
  await first.close();
  renameSync(at('main.db'), at('away.db'));
  const question = await questionOfSecond();
  assert.deepEqual(
    question.findings.map(({ resource, class: cls, answers }) => [resource, cls, answers]),
    [
      ['workspace:', 'foreign', ['accept', 'recheck', 'abort']],
      ['row:main/note/{"id":1}', 'unverifiable', ['recheck', 'abort']],
    ],
  );
  await second
    .decide(question, { items: { 'workspace:': 'accept', 'row:main/note/{"id":1}': 'recheck' } })
    .catch((error: unknown) => assert.match(String(error), /main\.db/));
  assert.deepEqual([boundTo(), stateOfPair(), released()], [first.jobId, 'applying', undefined]);
  assert.equal(existsSync(at('main.db')), false, 'no empty database is put in its place');
  renameSync(at('away.db'), at('main.db'));
  await second.decide(await questionOfSecond(), { answer: 'accept' });
  assert.deepEqual([text('one.txt'), text('two.txt'), rows()], ['ours 1\n', 'ours 2\n', [{ id: 1, text: 'ours' }]]);
  await secondGoesOn();
});

test('what the other job may have called is named before its workspace is taken', async () => {
  await assert.rejects(
    first.step(pay, {}),
    (error) => error instanceof QuestionAsked && error.question.kind === 'in-doubt',
  );
  const [binding] = (await questionOfSecond()).findings;
  assert.equal(binding!.kind, 'bound-to-another-job');
  assert.match(
    binding!.difference,
    /step pay: `charge` was begun; whether it happened is not known \(idempotency key [0-9a-f]{64}/,
  );
  assert.match(binding!.advice!, /Find out about its calls first/);
});

test('a job that is started again under its Workflow id is another job: no step of the first answers it', async () => {
  await first.step(fileWriteStep, { path: 'one.txt', content: 'of the first\n' }, { stepId: 'mine' });
  const { memory } = openTestJob({ workspace });
  const { workflowId } = first.memory;
  await using again = openTestJob({ workspace, steps: [pairCode], databases, resume: { ...memory, workflowId } });
  const write = (): Promise<unknown> =>
    again.step(fileWriteStep, { path: 'one.txt', content: 'of the second\n' }, { stepId: 'mine' });
  const question = await questionFrom(write());
  assert.deepEqual(
    question.findings.map(({ resource, kind, answers }) => [resource, kind, answers]),
    [['workspace:', 'bound-to-another-job', ['accept', 'recheck', 'abort']]],
  );
  assert.equal(text('one.txt'), 'of the first\n');
  assert.equal((await again.decide(question, { answer: 'accept' })).kind, 'repaired');
  await write();
  assert.equal(text('one.txt'), 'of the second\n');
  assert.deepEqual(
    [first, again].map(({ jobId }) => stepRecordsOf(workspace, jobId, 'mine').length),
    [1, 1],
  );
  assert.equal(released()?.kind, 'released');
  await using inspection = await WorkspaceInspection.open(workspace, {});
  assert.deepEqual(
    [inspection.job(workflowId), inspection.job(first.jobId), inspection.job()].map(({ jobId }) => jobId),
    [again.jobId, first.jobId, again.jobId],
  );
});
