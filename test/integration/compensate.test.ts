/** `abort` with `compensate`, without a Temporal server: what a job did is undone, newest first, and nothing else. */
import assert from 'node:assert/strict';
import { existsSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { chainOf } from '../support/ledger.ts';
import { decide, questionFrom } from '../support/questions.ts';
import { abortedSagas } from '../support/aborted-sagas.ts';
import { act, at, change, other, read, TABLE, testUndoJobs } from '../support/undo-jobs.ts';

const jobs = testUndoJobs();

test('SQLite: a saga aborted after any step restores every byte and compensates each call once', async () => {
  await abortedSagas(jobs, (workspace) => `sqlite:${workspace}/db/main.db`);
});

test('a step half applied when the job is aborted is finished, then undone; one only sealed is dropped', async () => {
  jobs.code = async (ctx) => {
    await ctx.files.write('a.txt', 'a\n');
    await ctx.files.write('b.txt', 'b\n');
  };
  jobs.otherCode = (ctx) => ctx.files.write('sealed.txt', 'sealed\n');
  const job = jobs.open('half');
  const approval = await questionFrom(job.step(other, {}, { approval: 'before-apply' }));
  let isCut = false;
  setFaultHook((point) => {
    if (point !== 'commit.effect-marked' || isCut) return;
    isCut = true;
    throw new Error('cut');
  });
  await assert.rejects(job.step(act, {}, { stepId: 'act' }));
  setFaultHook(undefined);
  assert.equal([existsSync(at(job, 'a.txt')), existsSync(at(job, 'b.txt'))].filter(Boolean).length, 1, 'half of it');
  await decide(job, approval, { answer: 'abort', compensate: true });
  assert.deepEqual((await job.undo()).left, []);
  assert.deepEqual(
    ['a.txt', 'b.txt', 'sealed.txt'].filter((path) => existsSync(at(job, path))),
    [],
  );
  assert.deepEqual(
    chainOf(job.workspace, job.jobId).flatMap((record) =>
      record.kind === 'step' || record.kind === 'undone' ? [`${record.kind} ${record.stepId}`] : [],
    ),
    ['step act', 'undone act'],
  );
  await job.close();
});

test('a link that the job had replaced by a file comes back, also if killed between removal and placing', async () => {
  jobs.code = (ctx) => ctx.files.write('link', 'no link any more\n');
  const job = jobs.open('link');
  writeFileSync(at(job, 'target.txt'), 'target\n');
  symlinkSync('target.txt', at(job, 'link'));
  await job.step(act, {});
  setFaultHook((point) => {
    if (point === 'symlink.before') throw new Error('cut');
  });
  await assert.rejects(job.undo());
  setFaultHook(undefined);
  assert.equal(existsSync(at(job, 'link')), false, 'nothing stands there');
  assert.deepEqual((await job.undo()).left, []);
  assert.equal(readlinkSync(at(job, 'link')), 'target.txt');
  await job.close();
});

test('from the abort on no step runs, whoever requests it; a Workflow reset to before the abort is told', async () => {
  jobs.code = (ctx) => ctx.files.write('a.txt', 'a\n');
  jobs.otherCode = (ctx) => ctx.files.write('b.txt', 'b\n');
  const job = jobs.open('stopped');
  await job.step(act, {});
  const { memory } = job;
  writeFileSync(at(job, 'a.txt'), 'by Ada\n');
  await questionFrom(job.undo());
  const asked = await job.ask({ stepId: 'other', step: 'other', input: {} });
  assert.deepEqual([asked.kind, asked.kind === 'failed' && asked.type], ['failed', 'aborted']);
  assert.equal(existsSync(at(job, 'b.txt')), false);
  await job.close();
  await using reset = jobs.open('stopped', { resume: memory, runId: 'run-after-reset' });
  const question = await questionFrom(reset.step(other, {}));
  assert.deepEqual(
    [question.kind, question.findings.map(({ kind, answers }) => [kind, answers])],
    ['ahead', [['undone-after-reset', ['recheck', 'abort']]]],
  );
  assert.equal(existsSync(at(reset, 'b.txt')), false);
  await decide(reset, question, { answer: 'abort', compensate: true });
  writeFileSync(at(reset, 'a.txt'), 'a\n');
  assert.deepEqual((await reset.undo()).left, []);
  assert.equal(existsSync(at(reset, 'a.txt')), false);
  await reset.release('aborted');
  await using anew = jobs.open('stopped');
  await anew.step(act, {});
  await anew.release('completed');
  assert.equal(read(anew, 'a.txt'), 'a\n', 'a new job has the workspace');
});

test('a step whose undoing cannot be carried out is asked about; left as it is, all of it is named', async () => {
  jobs.code = async (ctx) => {
    await ctx.files.write('a.txt', 'a\n');
    await ctx
      .db('main')
      .sql('UPDATE note SET n = n + 1', [], { writes: ['note'], undo: { text: 'UPDATE note SET no_such_column = 1' } });
  };
  const job = jobs.open('broken');
  change(job, `${TABLE}; INSERT INTO note VALUES (1, 'one', 0)`);
  await job.step(act, {});
  const question = await questionFrom(job.undo());
  assert.deepEqual(
    question.findings.map(({ resource, kind, answers }) => [resource, kind, answers]),
    [['undo:act', 'step-cannot-go-on', ['skip', 'rerun', 'recheck', 'abort']]],
  );
  assert.match(question.findings[0]!.difference, /no_such_column/);
  assert.equal(read(job, 'a.txt'), 'a\n', 'all of it or nothing');
  await decide(job, question, { answer: 'skip' });
  assert.deepEqual(
    (await job.undo()).left.map(({ what }) => what),
    ['file:a.txt', 'run SQL on main: UPDATE note SET n = n + 1', 'step:act'],
  );
  assert.equal(read(job, 'a.txt'), 'a\n');
  await job.close();
});

test('compensate goes with abort alone', async () => {
  jobs.code = (ctx) => ctx.files.write('a.txt', 'a\n');
  const job = jobs.open('alone');
  await job.step(act, {});
  writeFileSync(at(job, 'a.txt'), 'by Ada\n');
  const compared = await job.verify();
  assert.equal(compared.kind, 'question');
  if (compared.kind !== 'question') return;
  const refused = await job.decide(compared.question, { answer: 'accept', compensate: true });
  assert.ok(
    refused.kind === 'refused' && /give it with "answer": "abort"/.test(refused.problems.join()),
    JSON.stringify(refused),
  );
  await job.close();
});
