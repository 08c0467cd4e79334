/**
 * Watched patterns of files: the first comparison records the files that match; files that are edited, removed or new
 * afterwards are asked about.
 */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import type { Question } from '../../src/model/question/question.ts';
import { openTestJob, type TestJob } from '../../src/testing.ts';
import { manifestEntry } from '../support/ledger.ts';

let job: TestJob;
const at = (place: string): string => join(job.workspace, place);

beforeEach(async () => {
  job = openTestJob({ watch: [{ kind: 'file', path: 'data/**/*.csv' }] });
  mkdirSync(at('data/deep'), { recursive: true });
  writeFileSync(at('data/one.csv'), '1\n');
  writeFileSync(at('data/deep/two.csv'), '2\n');
  writeFileSync(at('data/notes.txt'), 'not watched\n');
  assert.equal((await job.verify()).kind, 'verified');
});

afterEach(() => job.close());

async function asked(): Promise<Question> {
  const result = await job.verify();
  assert.ok(result.kind === 'question', 'nothing is asked');
  return result.question;
}

test('what matches is noted at first sight, and nothing else', () => {
  assert.equal(manifestEntry(job.workspace, job.jobId, 'file:data/deep/two.csv')?.role, 'watched');
  assert.equal(manifestEntry(job.workspace, job.jobId, 'file:data/notes.txt'), undefined);
});

test('a watched file that is edited, gone or new is named; what does not match is not', async () => {
  writeFileSync(at('data/one.csv'), '1 edited\n');
  rmSync(at('data/deep/two.csv'));
  writeFileSync(at('data/three.csv'), '3\n');
  writeFileSync(at(String.raw`data/back\slash.csv`), '4\n');
  writeFileSync(at('data/notes.txt'), 'edited\n');
  const question = await asked();
  assert.deepEqual(question.findings.map(({ resource, kind }) => `${resource} ${kind}`).sort(), [
    String.raw`file:data/back\slash.csv appeared`,
    'file:data/deep/two.csv missing',
    'file:data/one.csv changed',
    'file:data/three.csv appeared',
  ]);
  const appeared = question.findings.find(({ kind }) => kind === 'appeared')!;
  assert.deepEqual(appeared.answers, ['accept', 'recheck', 'abort']);
  assert.match(appeared.found.text, /2 bytes/);
  assert.equal((await job.decide(question, { answer: 'accept' })).kind, 'repaired');
  assert.equal((await job.verify()).kind, 'verified');
  // An accepted file is watched like the files that were there.
  writeFileSync(at('data/three.csv'), '3 edited\n');
  assert.equal((await asked()).findings[0]!.kind, 'changed');
});

test('what the job itself writes below a pattern has not appeared', async () => {
  await job.step(fileWriteStep, { path: 'data/ours.csv', content: 'x' });
  assert.equal((await job.verify()).kind, 'verified');
});

test('a pattern whose folder is gone names every file; an empty one is no drift', async () => {
  rmSync(at('data'), { recursive: true });
  assert.deepEqual(
    (await asked()).findings.map(({ kind }) => kind),
    ['missing', 'missing'],
  );
});

test('a watched path is one file however it is spelled: what the job writes there is no drift', async () => {
  const watch = ['./data//one.csv', 'data/./deep/../one.csv', './data/**'].map(
    (path) => ({ kind: 'file', path }) as const,
  );
  const { workspace } = job;
  await job.release();
  await using spelled = openTestJob({ watch, workspace });
  assert.equal((await spelled.verify()).kind, 'verified');
  await spelled.step(fileWriteStep, { path: 'data/one.csv', content: 'by a step\n' });
  assert.equal((await spelled.verify()).kind, 'verified');
  writeFileSync(at('data/one.csv'), 'by a person\n');
  const result = await spelled.verify();
  assert.ok(result.kind === 'question');
  assert.deepEqual(
    result.question.findings.map(({ resource, kind }) => `${resource} ${kind}`),
    ['file:data/one.csv changed'],
  );
});
