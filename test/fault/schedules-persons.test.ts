/**
 * Persons and jobs at the same time: an edit between two steps, or in the middle of one, is never overwritten; each
 * drift is asked about on its own.
 */
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import * as z from 'zod';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { isFailure } from '../../src/model/failure.ts';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import { BlobStore } from '../../src/store/blobs/blobs.ts';
import { setFaultHook, type FaultPoint } from '../../src/store/fault-point.ts';
import { openTestJob, type TestJob } from '../../src/testing.ts';
import { changeRows } from './support/outside-database.ts';
import { questionFrom } from '../support/questions.ts';

const table = defineStep({ name: 'table', input: z.object({}), output: z.object({}) });
const put = defineStep({ name: 'put', input: z.object({ name: z.string() }), output: z.object({}) });
const steps = [
  implementStep(table, async (ctx) => {
    await ctx
      .db('main')
      .sql('CREATE TABLE note (id INTEGER PRIMARY KEY, name TEXT NOT NULL)', [], { writes: ['note'] });
    return {};
  }),
  implementStep(put, async (ctx, { name }) => {
    await ctx.db('main').upsert('note', { id: 1, name });
    await ctx.files.write('note.txt', name);
    return {};
  }),
] as const;

afterEach(() => setFaultHook(undefined));

function openJob(): TestJob {
  return openTestJob({ steps: steps as never, databases: { main: 'sqlite:main.db' } });
}

const noteOf = (job: TestJob): string => readFileSync(join(job.workspace, 'note.txt'), 'utf8');
const edit = (job: TestJob, text: string): void => writeFileSync(join(job.workspace, 'note.txt'), text);
const editRow = (job: TestJob, name: string): Promise<void> =>
  changeRows(`sqlite:${join(job.workspace, 'main.db')}`, [`UPDATE note SET name = '${name}' WHERE id = 1`]);

test('a file edited between two steps is asked about before the next one writes it', async () => {
  await using job = openJob();
  await job.step(table, {});
  await job.step(put, { name: 'ours' });
  edit(job, 'theirs');
  const question = await questionFrom(job.step(put, { name: 'ours again' }));
  assert.deepEqual(
    question.findings.map(({ resource }) => resource),
    ['file:note.txt'],
  );
  assert.equal(noteOf(job), 'theirs');
  await job.decide(question, { answer: 'accept' });
  assert.equal(noteOf(job), 'theirs');
});

test('a row edited between two steps is asked about before the next one writes it', async () => {
  await using job = openJob();
  await job.step(table, {});
  await job.step(put, { name: 'ours' });
  await editRow(job, 'theirs');
  const question = await questionFrom(job.step(put, { name: 'ours again' }));
  assert.deepEqual(
    question.findings.map(({ resource }) => resource),
    ['row:main/note/{"id":1}'],
  );
  assert.equal(noteOf(job), 'ours');
});

/** Moments between the step's observation of the file that it replaces and its own change of that file. */
const MOMENTS: readonly FaultPoint[] = ['user-code.after', 'seal.after', 'prepare.files-written'];

for (const moment of MOMENTS) {
  test(`a file edited at ${moment} of the step that replaces it is kept, and asked about`, async () => {
    await using job = openJob();
    await job.step(table, {});
    await job.step(put, { name: 'ours' });
    setFaultHook((point) => {
      if (point !== moment) return;
      setFaultHook(undefined);
      edit(job, 'theirs');
    });
    const question = await questionFrom(job.step(put, { name: 'ours again' }));
    assert.deepEqual(
      question.findings.map(({ resource }) => resource),
      ['file:note.txt'],
    );
    assert.equal(noteOf(job), 'theirs');
  });

  test(`an unrecorded file edited at ${moment} is seen before its replacement, its bytes are captured`, async () => {
    await using job = openJob();
    edit(job, 'before');
    let isEdited = false;
    setFaultHook((point) => {
      if (point !== moment || isEdited) return;
      isEdited = true;
      edit(job, 'theirs');
    });
    await job.step(fileWriteStep, { path: 'note.txt', content: 'ours' });
    assert.equal(noteOf(job), 'ours');
    assert.ok(isEdited);
    assert.ok(hasBlob(job, 'theirs'), 'what was replaced is kept');
  });
}

test('a file edited at the moment of the change itself is a conflict; nothing of it is lost', async () => {
  await using job = openJob();
  await job.step(table, {});
  await job.step(put, { name: 'ours' });
  setFaultHook((point) => {
    if (point !== 'commit.file-before') return;
    setFaultHook(undefined);
    edit(job, 'theirs');
  });
  const question = await questionFrom(job.step(put, { name: 'ours again' }));
  assert.equal(question.kind, 'conflict');
  assert.equal(noteOf(job), 'theirs');
  await job.decide(question, { answer: 'overwrite' });
  await job.step(put, { name: 'ours again' }, { stepId: 'put#2' });
  assert.equal(noteOf(job), 'ours again');
  assert.ok(hasBlob(job, 'theirs'), 'what was replaced is kept');
});

function hasBlob(job: TestJob, text: string): boolean {
  return new BlobStore(join(job.workspace, '.holdfast/blobs')).has(hash('sha256', text));
}

test('the same drift twice asks twice, and the old decision is refused', async () => {
  await using job = openJob();
  await job.step(table, {});
  await job.step(put, { name: 'ours' });
  edit(job, 'theirs');
  const first = await job.verify();
  assert.equal(first.kind, 'question');
  const again = await job.verify();
  assert.ok(first.kind === 'question' && again.kind === 'question');
  assert.equal(again.question.digest, first.question.digest, 'while it is open it is one question');
  await job.decide(first.question, { answer: 'restore' });
  assert.equal(noteOf(job), 'ours');
  edit(job, 'theirs');
  const second = await job.verify();
  assert.ok(second.kind === 'question');
  assert.notEqual(second.question.digest, first.question.digest);
  const late = await job.decide(first.question, { answer: 'accept' });
  assert.equal(late.kind, 'refused');
  assert.equal(noteOf(job), 'theirs');
  const state = await job.verify();
  assert.ok(state.kind === 'question' && state.question.digest === second.question.digest);
});

test('a world that moves between question and decision is asked about anew; nothing is done', async () => {
  await using job = openJob();
  await job.step(table, {});
  await job.step(put, { name: 'ours' });
  edit(job, 'theirs');
  const asked = await job.verify();
  assert.ok(asked.kind === 'question');
  edit(job, 'theirs, changed again');
  const result = await job.decide(asked.question, { answer: 'restore' });
  assert.equal(result.kind, 'world-moved');
  assert.equal(noteOf(job), 'theirs, changed again');
});

test('a row that moves while a repair puts it back is left as it is', async () => {
  await using job = openJob();
  await job.step(table, {});
  await job.step(put, { name: 'ours' });
  await editRow(job, 'theirs');
  const asked = await job.verify();
  assert.ok(asked.kind === 'question');
  let moved: Promise<void> | undefined;
  setFaultHook(async (point) => {
    if (point !== 'repair.item-before' || moved !== undefined) return;
    await (moved = editRow(job, 'theirs, at this moment'));
  });
  await job
    .decide(asked.question, { answer: 'restore' })
    .catch((error: unknown) => assert.ok(isFailure(error), String(error)));
  assert.ok(moved);
  const next = await job.verify();
  assert.ok(next.kind === 'question', 'it is asked about');
  assert.match(next.question.findings[0]!.found.text, /theirs, at this moment/);
});
