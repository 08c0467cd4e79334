/** `abort` with `compensate`, without a Temporal server: what somebody has changed since is asked about, not undone. */
import assert from 'node:assert/strict';
import { chmodSync, cpSync, readdirSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { sha256Hex } from '../../src/model/digest.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { blobText } from '../support/ledger.ts';
import { decide, questionFrom } from '../support/questions.ts';
import { act, at, change, other, read, rowsOf, TABLE, testUndoJobs } from '../support/undo-jobs.ts';

const jobs = testUndoJobs();

test('what a person has changed since is not touched without a word: the file, the row, each by its name', async () => {
  jobs.code = async (ctx) => {
    await ctx.files.write('mine.txt', 'by the job\n');
    await ctx.files.write('theirs.txt', 'by the job\n');
    await ctx.db('main').insert('note', [
      { id: 1, text: 'by the job', n: 1 },
      { id: 2, text: 'by the job', n: 2 },
    ]);
  };
  const job = jobs.open('changed');
  change(job, TABLE);
  await job.step(act, {});
  writeFileSync(at(job, 'theirs.txt'), 'by Ada\n');
  change(job, "UPDATE note SET text = 'by Ada' WHERE id = 2; INSERT INTO note VALUES (9, 'a stranger''s', 9)");
  const question = await questionFrom(job.undo());
  assert.equal(question.kind, 'undo');
  assert.deepEqual(
    question.findings.map(({ resource, kind }) => [resource, kind]).toSorted(([a], [b]) => (a! < b! ? -1 : 1)),
    [
      ['file:theirs.txt', 'changed-since'],
      ['row:main/note/{"id":2}', 'changed-since'],
    ],
  );
  assert.equal(read(job, 'mine.txt'), 'by the job\n', 'nothing is undone before the answer');
  await decide(job, question, { items: { 'file:theirs.txt': 'overwrite', 'row:main/note/{"id":2}': 'skip' } });
  const report = await job.undo();
  assert.equal(existsSync(at(job, 'mine.txt')), false);
  assert.equal(existsSync(at(job, 'theirs.txt')), false);
  assert.deepEqual(rowsOf(job, 'SELECT id, text FROM note ORDER BY id'), [
    { id: 2, text: 'by Ada' },
    { id: 9, text: "a stranger's" },
  ]);
  assert.deepEqual(
    report.left.map(({ what }) => what),
    ['row:main/note/{"id":2}'],
  );
  const content = sha256Hex('by Ada\n');
  assert.equal(await blobText(job.workspace, content), 'by Ada\n', 'what was found and replaced is kept');
  await job.close();
});

test('an answer about what was found holds for that alone: changed again, it is asked again', async () => {
  jobs.code = (ctx) => ctx.files.write('a.txt', 'by the job\n');
  const job = jobs.open('again');
  await job.step(act, {});
  writeFileSync(at(job, 'a.txt'), 'once\n');
  const first = await questionFrom(job.undo());
  await decide(job, first, { answer: 'overwrite' });
  writeFileSync(at(job, 'a.txt'), 'twice\n');
  const second = await questionFrom(job.undo());
  assert.notEqual(second.digest, first.digest);
  assert.equal(read(job, 'a.txt'), 'twice\n');
  writeFileSync(at(job, 'a.txt'), 'thrice\n');
  assert.equal((await job.decide(second, { answer: 'overwrite' })).kind, 'world-moved');
  const third = await questionFrom(job.undo());
  await decide(job, third, { answer: 'skip' });
  assert.deepEqual(
    (await job.undo()).left.map(({ what }) => what),
    ['file:a.txt'],
  );
  assert.equal(read(job, 'a.txt'), 'thrice\n');
  await job.close();
});

test('a skipped file is skipped for its older records too; one that is as before already is no question', async () => {
  jobs.code = (ctx, { n }) => ctx.files.write('a.txt', `version ${n}\n`);
  jobs.otherCode = (ctx) => ctx.files.write('b.txt', 'b\n');
  const job = jobs.open('older');
  for (const n of [1, 2, 3]) await job.step(act, { n }, { stepId: `act${n}` });
  await job.step(other, {});
  rmSync(at(job, 'b.txt'));
  writeFileSync(at(job, 'a.txt'), 'by Ada\n');
  const question = await questionFrom(job.undo());
  assert.deepEqual(
    question.findings.map(({ resource }) => resource),
    ['file:a.txt'],
  );
  await decide(job, question, { answer: 'skip' });
  const report = await job.undo();
  assert.deepEqual(
    report.left.map(({ stepId, what }) => [stepId, what]),
    [
      ['act3', 'file:a.txt'],
      ['act2', 'file:a.txt'],
      ['act1', 'file:a.txt'],
    ],
  );
  assert.equal(read(job, 'a.txt'), 'by Ada\n');
  await job.close();
});

test('an edit that a person had taken into the record is not undone with the step: it is asked about', async () => {
  jobs.code = (ctx) => ctx.files.write('a.txt', 'by the job\n');
  const job = jobs.open('adopted');
  await job.step(act, {});
  writeFileSync(at(job, 'a.txt'), 'by Ada\n');
  const compared = await job.verify();
  assert.equal(compared.kind, 'question');
  if (compared.kind === 'question') await decide(job, compared.question, { answer: 'accept' });
  const question = await questionFrom(job.undo());
  assert.deepEqual(
    question.findings.map(({ resource, kind }) => [resource, kind]),
    [['file:a.txt', 'changed-since']],
  );
  assert.equal(read(job, 'a.txt'), 'by Ada\n');
  await job.close();
});

test('a folder that the job made and that holds what it did not put there stays, and is named', async () => {
  jobs.code = (ctx) => ctx.files.write('made/deep/a.txt', 'a\n');
  const job = jobs.open('folder');
  await job.step(act, {});
  writeFileSync(at(job, 'made/theirs.txt'), 'by Ada\n');
  const report = await job.undo();
  assert.deepEqual(
    report.left.map(({ what }) => what),
    ['file:made'],
  );
  assert.equal(read(job, 'made/theirs.txt'), 'by Ada\n');
  assert.equal(existsSync(at(job, 'made/deep')), false);
  await job.close();
});

test('a target that somebody changes while its undoing is half applied is a conflict; nothing is lost', async () => {
  jobs.code = async (ctx) => {
    await ctx.files.write('a.txt', 'a\n');
    await ctx.files.write('b.txt', 'b\n');
  };
  const job = jobs.open('conflict');
  await job.step(act, {});
  let isCut = false;
  setFaultHook((point) => {
    if (point !== 'commit.effect-marked' || isCut) return;
    isCut = true;
    throw new Error('cut');
  });
  await assert.rejects(job.undo());
  setFaultHook(undefined);
  const rest = ['a.txt', 'b.txt'].find((path) => existsSync(at(job, path)))!;
  writeFileSync(at(job, rest), 'by Ada\n');
  const question = await questionFrom(job.undo());
  assert.deepEqual(
    [question.kind, question.findings.map(({ resource, answers }) => [resource, answers])],
    ['conflict', [[`file:${rest}`, ['skip', 'overwrite', 'recheck', 'abort']]]],
  );
  await decide(job, question, { answer: 'skip' });
  await job.undo();
  assert.equal(read(job, rest), 'by Ada\n');
  await job.close();
});

test('what a compensation reads and somebody has changed is asked about before it goes on', async () => {
  jobs.code = (ctx) => ctx.files.write('bill.json', '{"id":1}');
  const seen: string[] = [];
  jobs.compensation = async (ctx) => void seen.push(await ctx.files.readText('bill.json'));
  const job = jobs.open('reads');
  await job.step(act, {});
  writeFileSync(at(job, 'bill.json'), '{"id":2}');
  const question = await questionFrom(job.undo());
  assert.deepEqual(
    [question.kind, question.findings.map(({ resource, answers }) => [resource, answers])],
    ['discrepancy', [['file:bill.json', ['accept', 'restore', 'recheck', 'abort']]]],
  );
  assert.deepEqual(seen, []);
  await decide(job, question, { answer: 'restore' });
  assert.deepEqual((await job.undo()).left, []);
  assert.deepEqual(seen, ['{"id":1}']);
  await job.close();
});

test('a statement with an undo is not run over rows that somebody has changed: they are asked about', async () => {
  jobs.code = async (ctx) => {
    await ctx.db('main').insert('note', [
      { id: 1, text: 'one', n: 1 },
      { id: 2, text: 'two', n: 2 },
    ]);
  };
  jobs.otherCode = (ctx) =>
    ctx
      .db('main')
      .sql('UPDATE note SET n = n + 10', [], { writes: ['note'], undo: { text: 'UPDATE note SET n = n - 10' } });
  const job = jobs.open('statement');
  change(job, TABLE);
  await job.step(act, {});
  await job.step(other, {});
  change(job, 'UPDATE note SET n = 500 WHERE id = 1');
  const question = await questionFrom(job.undo());
  assert.deepEqual(
    [question.kind, question.findings.map(({ resource }) => resource)],
    ['discrepancy', ['row:main/note/{"id":1}']],
  );
  assert.deepEqual(rowsOf(job, 'SELECT n FROM note ORDER BY id'), [{ n: 500 }, { n: 12 }]);
  await decide(job, question, { answer: 'restore' });
  assert.deepEqual((await job.undo()).left, []);
  assert.deepEqual(rowsOf(job, 'SELECT n FROM note'), []);
  await job.close();
});

test('a record that cannot be read is asked about before anything is undone', async () => {
  jobs.code = (ctx) => ctx.files.write('a.txt', 'a\n');
  const job = jobs.open('damaged');
  await job.step(act, {});
  const ledger = new DatabaseSync(at(job, '.holdfast/ledger.sqlite'));
  ledger.exec(`UPDATE record SET body = replace(body, 'a.txt', 'b.txt') WHERE kind = 'step'`);
  ledger.close();
  const question = await questionFrom(job.undo());
  assert.deepEqual([question.kind, question.findings[0]!.answers], ['damaged', ['recheck', 'abort']]);
  assert.equal(read(job, 'a.txt'), 'a\n');
  await job.close();
});

test('a job that has done nothing has nothing to undo', async () => {
  jobs.code = (ctx) => ctx.files.write('a.txt', 'a\n');
  const first = jobs.open('shared');
  await first.step(act, {});
  await using second = jobs.open('shared', { openJobs: [first.jobId] });
  const foreign = await questionFrom(second.step(act, {}));
  assert.equal(foreign.kind, 'foreign');
  await second.decide(foreign, { answer: 'abort', compensate: true });
  assert.deepEqual(await second.undo(), { steps: 0, effects: '', left: [], leftTotal: 0 });
  assert.equal(read(first, 'a.txt'), 'a\n', "another job's work is not touched");
  await first.close();
});

for (const [what, spoil] of [
  ['not in the store any more', (path: string) => rmSync(path)],
  ['damaged in the store', (path: string) => writeFileSync(path, 'bad sectors\n')],
] as const)
  test(`a content that is ${what} is named, and nothing is put in its place`, async () => {
    jobs.code = (ctx) => ctx.files.write('a.txt', 'by the job\n');
    const job = jobs.open(what.replaceAll(' ', '-'));
    writeFileSync(at(job, 'a.txt'), 'before the job\n');
    await job.step(act, {});
    const content = sha256Hex('before the job\n');
    const blob = join(job.workspace, '.holdfast/blobs', content[0]!, content.slice(1));
    chmodSync(blob, 0o600);
    spoil(blob);
    const question = await questionFrom(job.undo());
    assert.deepEqual(
      question.findings.map(({ resource, kind, answers }) => [resource, kind, answers]),
      [['file:a.txt', 'blob-damaged', ['skip', 'recheck', 'abort']]],
    );
    assert.match(question.why, /^what step act replaced is lost or damaged in \.holdfast\/blobs$/);
    await decide(job, question, { answer: 'skip' });
    assert.deepEqual(
      (await job.undo()).left.map(({ what: left }) => left),
      ['file:a.txt'],
    );
    assert.equal(read(job, 'a.txt'), 'by the job\n');
    await job.close();
  });

test('a content that is put back from a copy of the .holdfast folder is undone after a recheck', async () => {
  jobs.code = (ctx) => ctx.files.write('a.txt', 'by the job\n');
  const job = jobs.open('put-back');
  writeFileSync(at(job, 'a.txt'), 'before the job\n');
  await job.step(act, {});
  const [store, copy] = [at(job, '.holdfast/blobs'), join(jobs.root, 'copy')];
  cpSync(store, copy, { recursive: true });
  for (const spoil of [() => rmSync(store, { recursive: true }), () => emptyFiles(store)]) {
    spoil();
    const question = await questionFrom(job.undo());
    assert.match(question.findings[0]!.advice!, /Put that blob back from a copy of the \.holdfast folder, then answer/);
    cpSync(copy, store, { recursive: true });
    await decide(job, question, { answer: 'recheck' });
  }
  assert.deepEqual((await job.undo()).left, []);
  assert.equal(read(job, 'a.txt'), 'before the job\n');
  await job.release('aborted');
  await job.close();
});

function emptyFiles(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile()) continue;
    chmodSync(path, 0o600);
    writeFileSync(path, '');
  }
}
