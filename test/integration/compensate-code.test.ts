/**
 * `abort` with `compensate`, without a Temporal server: what a compensation is given, may do, and how its calls count.
 */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Json } from '../../src/model/canonical-json.ts';
import { isFailure } from '../../src/model/failure.ts';
import type { CompensatedRecord } from '../../src/model/step/compensated.ts';
import { openTestJob } from '../../src/testing.ts';
import { chainOf } from '../support/ledger.ts';
import { decide, questionFrom } from '../support/questions.ts';
import { act, at, change, read, rowsOf, TABLE, testUndoJobs } from '../support/undo-jobs.ts';

const jobs = testUndoJobs();

test('a compensation is told what its step took, returned, changed and called; what it stages goes first', async () => {
  const told: CompensatedRecord[] = [];
  jobs.code = async (ctx, { n }) => {
    await jobs.call(ctx, 'charge', { n: n ?? 0 });
    await ctx.files.write('a.txt', 'by the job\n');
    await ctx.db('main').insert('note', { id: 1, text: 'by the job', n: 1 });
    return { sum: 7 };
  };
  jobs.compensation = async (ctx, record) => {
    told.push(record);
    assert.equal(ctx.stepId, 'act');
    assert.equal(await ctx.files.readText('a.txt'), 'by the job\n', 'nothing is undone yet');
    await ctx.files.write('undone.log', `${record.calls.length} call\n`);
    // A row that the compensation changes itself is not undone by Holdfast.
    await ctx.db('main').update('note', { id: 1 }, { text: 'cancelled' });
    await jobs.call(ctx, 'refund', { of: record.calls[0]!.key });
  };
  const job = jobs.open('told');
  change(job, TABLE);
  await job.step(act, { n: 7 });
  const report = await job.undo();
  assert.deepEqual(report.left, []);
  assert.deepEqual(jobs.paths(), ['/charge', '/refund']);
  const [record] = told;
  assert.deepEqual(
    { input: record!.input, output: record!.output, generation: record!.generation },
    { input: { n: 7 }, output: { sum: 7 }, generation: 0 },
  );
  assert.deepEqual(
    record!.effects.map(({ kind }) => kind),
    ['file.write', 'row.insert'],
  );
  assert.deepEqual(
    record!.calls.map(({ name, key, answer, known, requestText }) => ({ name, key, answer, known, requestText })),
    [
      {
        name: 'charge',
        key: jobs.server.requests[0]!.key,
        answer: jobs.server.answerOf(jobs.server.requests[0]!.key!),
        known: 'called',
        requestText: '{"n":7}',
      },
    ],
  );
  assert.equal(existsSync(at(job, 'a.txt')), false);
  assert.equal(read(job, 'undone.log'), '1 call\n');
  assert.deepEqual(rowsOf(job, 'SELECT text FROM note'), [{ text: 'cancelled' }]);
  await job.close();
});

test('a compensation may say that it has seen to everything', async () => {
  jobs.code = (ctx) => ctx.files.write('a.txt', 'by the job\n');
  jobs.compensation = async (ctx) => {
    await ctx.files.write('a.txt', 'cancelled\n');
    return { undoStaged: false };
  };
  const job = jobs.open('everything');
  await job.step(act, {});
  assert.deepEqual((await job.undo()).left, []);
  assert.equal(read(job, 'a.txt'), 'cancelled\n');
  await job.close();
});

test('what cannot be undone and has no compensation is named, and the rest is undone', async () => {
  jobs.code = async (ctx) => {
    await jobs.call(ctx, 'charge');
    await ctx.db('main').sql("INSERT INTO note VALUES (5, 'by a statement', 5)", [], { writes: ['note'] });
    await ctx.files.write('a.txt', 'a\n');
  };
  const job = jobs.open('named');
  change(job, TABLE);
  await job.step(act, {});
  const report = await job.undo();
  assert.deepEqual(
    report.left.map(({ what }) => what),
    ['perform:act/charge', "run SQL on main: INSERT INTO note VALUES (5, 'by a statement', 5)"],
  );
  assert.ok(report.left[0]!.why.includes(jobs.server.requests[0]!.key!), 'the idempotency key is told');
  assert.equal(existsSync(at(job, 'a.txt')), false);
  assert.equal(rowsOf(job, 'SELECT * FROM note').length, 1);
  await job.close();
});

test('a compensation that throws is tried again, then asked about: again, without it, or not at all', async () => {
  for (const answer of ['rerun', 'skip', 'abort'] as const) {
    let attempts = 0;
    jobs.code = async (ctx) => {
      await jobs.call(ctx, 'charge');
      await ctx.files.write('a.txt', 'a\n');
    };
    jobs.compensation = async (ctx) => {
      attempts += 1;
      if (attempts <= 3) throw new Error('the other side is away');
      await jobs.call(ctx, 'refund');
    };
    const job = jobs.open(`throws-${answer}`);
    await job.step(act, {});
    for (const attempt of [1, 2])
      await assert.rejects(job.undo(), (error) => isFailure(error, 'step-failed') && attempts === attempt);
    const question = await questionFrom(job.undo());
    assert.equal(attempts, 3);
    assert.deepEqual(
      question.findings.map(({ resource, class: cls, kind, answers }) => [resource, cls, kind, answers]),
      [['step:act', 'undo', 'compensation-failed', ['skip', 'rerun', 'recheck', 'abort']]],
    );
    assert.match(question.findings[0]!.difference, /the other side is away/);
    assert.equal(read(job, 'a.txt'), 'a\n', 'nothing of the step is undone before');
    await decide(job, question, { answer });
    if (answer === 'abort') {
      assert.equal(existsSync(at(job, 'a.txt')), true);
      await job.close();
      continue;
    }
    const report = await job.undo();
    assert.equal(existsSync(at(job, 'a.txt')), false);
    assert.deepEqual(
      report.left.map(({ what }) => what),
      answer === 'rerun' ? [] : ['step:act', 'perform:act/charge'],
    );
    assert.equal(attempts, answer === 'rerun' ? 4 : 3);
    await job.close();
  }
});

test('a call of a compensation that is cut off is in doubt like any other: asked, and made once', async () => {
  jobs.code = (ctx) => jobs.call(ctx, 'charge');
  jobs.compensation = async (ctx) => void (await jobs.call(ctx, 'refund'));
  const job = jobs.open('cut');
  await job.step(act, {});
  jobs.server.next('cut-after');
  const question = await questionFrom(job.undo());
  assert.deepEqual([question.kind, question.findings[0]!.resource], ['in-doubt', 'perform:act@undo/refund']);
  await decide(job, question, {
    answer: 'happened',
    result: jobs.server.answerOf(jobs.server.requests[1]!.key!) as Json,
  });
  assert.deepEqual((await job.undo()).left, []);
  assert.deepEqual(jobs.paths(), ['/charge', '/refund']);
  await job.close();
});

test('a call in doubt is settled before its step is undone, and compensated only if it happened', async () => {
  for (const answer of ['happened', 'skip'] as const) {
    const told: unknown[] = [];
    jobs.code = (ctx) => jobs.call(ctx, 'charge');
    jobs.compensation = async (ctx, { calls, output }) => {
      told.push({ calls: calls.map(({ name, answer: got, known }) => ({ name, got, known })), output });
      for (const { key } of calls) await jobs.call(ctx, 'refund', { of: key });
    };
    const job = jobs.open(`doubt-${answer}`);
    jobs.server.next(answer === 'happened' ? 'cut-after' : 'cut-before');
    const inStep = await questionFrom(job.step(act, {}));
    assert.equal(inStep.kind, 'in-doubt');
    await decide(job, inStep, { answer: 'abort', compensate: true });
    const question = await questionFrom(job.undo());
    assert.deepEqual(
      [question.kind, question.findings.map(({ resource, kind, answers }) => [resource, kind, answers])],
      ['undo', [['perform:act/charge', 'outcome-unknown', ['skip', 'happened', 'recheck', 'abort']]]],
    );
    const asked = jobs.server.requests.length;
    await decide(job, question, answer === 'happened' ? { answer, result: { id: 'as they say' } } : { answer });
    assert.deepEqual((await job.undo()).left, []);
    assert.deepEqual(
      told,
      answer === 'happened'
        ? [{ calls: [{ name: 'charge', got: { id: 'as they say' }, known: 'told' }], output: undefined }]
        : [],
    );
    assert.equal(jobs.server.requests.length - asked, answer === 'happened' ? 1 : 0);
    await job.close();
  }
});

test('the calls of a step that was not finished are compensated; nothing else of it is there', async () => {
  jobs.code = async (ctx) => {
    await jobs.call(ctx, 'charge');
    await ctx.files.write('a.txt', 'a\n');
    throw new Error('after the call');
  };
  jobs.compensation = async (ctx, { calls }) => {
    for (const { key } of calls) await jobs.call(ctx, 'refund', { of: key });
  };
  const job = jobs.open('unfinished');
  await assert.rejects(job.step(act, {}, { stepId: 'act' }));
  assert.deepEqual((await job.undo()).left, []);
  assert.deepEqual(jobs.paths(), ['/charge', '/refund']);
  assert.deepEqual(
    chainOf(job.workspace, job.jobId).flatMap((record) =>
      record.kind === 'undone' ? [[record.stepId, record.undoes, record.notes]] : [],
    ),
    [['act', null, ['the step was not finished: only calls of it were made']]],
  );
  assert.deepEqual(
    chainOf(job.workspace, job.jobId).flatMap((record) => (record.kind === 'released' ? record.notes : [])),
    [],
    'the release has nothing left to tell of it',
  );
  await job.close();
});

test('a step that was run again is undone once, with all generations’ calls; nothing is undone twice', async () => {
  let told: readonly string[] = [];
  jobs.code = async (ctx) => {
    await ctx.files.readText('in.txt');
    await jobs.call(ctx, 'charge', { amount: 7 });
    await ctx.files.write('out.txt', `generation ${ctx.generation}\n`);
    await ctx.files.write(`only-${ctx.generation}.txt`, 'x\n');
    await ctx
      .db('main')
      .sql('UPDATE note SET n = n + 1', [], { writes: ['note'], undo: { text: 'UPDATE note SET n = n - 1' } });
  };
  jobs.compensation = (_ctx, { calls, generation }) =>
    void (told = [`generation ${generation}`, ...calls.map(({ generation: made }) => `called in ${made}`)]);
  const job = jobs.open('generations');
  change(job, `${TABLE}; INSERT INTO note VALUES (1, 'one', 0)`);
  writeFileSync(at(job, 'in.txt'), 'one\n');
  await job.step(act, {}, { stepId: 'act' });
  writeFileSync(at(job, 'in.txt'), 'two\n');
  const compared = await job.verify();
  assert.equal(compared.kind, 'question');
  if (compared.kind !== 'question') return;
  await decide(job, compared.question, { answer: 'rerun', items: { 'perform:act/charge': 'repeat' } });
  assert.equal(existsSync(at(job, 'only-0.txt')), false);
  await job.step(act, {}, { stepId: 'act' });
  assert.equal(read(job, 'out.txt'), 'generation 1\n');
  assert.deepEqual((await job.undo()).left, []);
  assert.deepEqual(told, ['generation 1', 'called in 0', 'called in 1']);
  assert.deepEqual(
    ['out.txt', 'only-0.txt', 'only-1.txt'].filter((path) => existsSync(at(job, path))),
    [],
  );
  assert.deepEqual(rowsOf(job, 'SELECT n FROM note'), [{ n: 0 }], 'a statement is undone as often as it is in force');
  assert.equal(read(job, 'in.txt'), 'two\n', 'what a person wrote stays');
  assert.equal(chainOf(job.workspace, job.jobId).filter(({ kind }) => kind === 'undone').length, 1);
  await job.close();
});

test('a worker that has no code for a step says so instead of leaving its compensation out', async () => {
  jobs.code = (ctx) => ctx.files.write('a.txt', 'a\n');
  const job = jobs.open('unknown');
  await job.step(act, {});
  const { memory, workspace } = job;
  await job.close();
  await using without = openTestJob({
    workspace,
    resume: memory,
    workerId: 'another',
    databases: { main: 'sqlite:main.db' },
  });
  const question = await questionFrom(without.undo());
  assert.match(question.findings[0]!.difference, /no code for step "act"/);
  await decide(without, question, { answer: 'skip' });
  assert.deepEqual(
    (await without.undo()).left.map(({ what }) => what),
    ['step:act'],
  );
  assert.equal(existsSync(join(workspace, 'a.txt')), false, 'what it had staged is undone all the same');
});
