/**
 * What a repair does beyond one cell of the table: answers per resource, undo that is checked, approvals that die,
 * half-applied steps.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import * as z from 'zod';
import type { Question } from '../../src/model/question/question.ts';
import { dbSqlStep, dbUpsertStep } from '../../src/model/step/built-in/database.ts';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { defineStep, implementStep } from '../../src/testing.ts';
import { DriftedJob, onceAFile } from '../support/drifted-job.ts';
import { findingFor, mark, questionOf, removeFixture, resume, SQLITE_FILE, summarise } from '../support/drift.ts';
import { onceAt } from '../support/fault-hook.ts';
import { blobText, decisionsOf, readLedger, stepRecordsOf } from '../support/ledger.ts';
import { comparedQuestion, questionFrom } from '../support/questions.ts';

const chain = defineStep({
  name: 'chain',
  input: z.object({ from: z.string(), to: z.string() }),
  output: z.object({ text: z.string() }),
});
const chainCode = implementStep(chain, async (ctx, { from, to }) => {
  const text = `${(await ctx.files.readText(from)).trim()}+${ctx.generation}`;
  await ctx.files.write(to, `${text}\n`);
  return { text };
});

const drifted = onceAFile(new DriftedJob([chainCode]));

test('the note of what is accepted names its stale steps, but none that another answer runs again', async () => {
  drifted.begin();
  writeFileSync(drifted.at('out/a.txt'), 'edited\n');
  writeFileSync(drifted.at('input.txt'), 'edited, too\n');
  const question = await questionFrom(drifted.job.step(mark, {}, { stepId: 'mark' }));
  for (const resource of ['file:out/a.txt', 'file:input.txt'])
    assert.deepEqual(findingFor(question, resource).staleSteps, ['summary']);
  const result = await drifted.job.decide(question, {
    items: { 'file:out/a.txt': 'accept', 'file:input.txt': 'rerun' },
  });
  assert.ok(result.kind === 'repaired', JSON.stringify(result));
  assert.deepEqual(
    result.reruns.map(({ stepId }) => stepId),
    ['summary'],
  );
  assert.ok(result.notes.includes('file:out/a.txt: what was found is the record now'), result.notes.join('; '));
});

test('the note of what is accepted names the first of very many stale steps, and how many more there are', async () => {
  drifted.begin();
  for (let count = 0; count < 23; count++)
    await drifted.job.step(chain, { from: 'input.txt', to: `many/${count}` }, { stepId: `many-${count}` });
  writeFileSync(drifted.at('input.txt'), 'edited\n');
  const question = await comparedQuestion(drifted.job);
  const result = await drifted.job.decide(question, { answer: 'accept' });
  assert.ok(result.kind === 'repaired', JSON.stringify(result));
  const [note] = result.notes.filter((text) => text.startsWith('file:input.txt'));
  assert.match(note!, /stale, and not run again: (?:[a-z0-9-]+, ){19}[a-z0-9-]+ and 4 more$/);
});

test('a changed row of a table with a renamed column shows its own change; the schema shows the column’s', async () => {
  drifted.begin();
  drifted.sql('ALTER TABLE note RENAME COLUMN text TO body');
  drifted.sql('UPDATE note SET size = 77 WHERE id = 1');
  const question = await questionFrom(drifted.job.step(mark, {}, { stepId: 'mark' }));
  assert.deepEqual(question.findings.map(({ resource }) => resource).sort(), [
    'row:main/note/{"id":1}',
    'schema:main/note',
  ]);
  const { difference } = findingFor(question, 'row:main/note/{"id":1}');
  assert.match(difference, /^"size": expected \S+, found 77$/);
  assert.match(findingFor(question, 'schema:main/note').difference, /text.*body/);
});

test('each resource gets its own answer', async () => {
  drifted.begin();
  writeFileSync(drifted.at('out/a.txt'), 'edited\n');
  drifted.sql("UPDATE note SET text = 'edited' WHERE id = 1");
  drifted.sql("UPDATE note SET text = 'changed' WHERE id = 2");
  const question = await questionOf(drifted.job, drifted.copy);
  const items = { 'file:out/a.txt': 'accept', 'row:main/note/{"id":1}': 'restore' } as const;
  const result = await drifted.job.decide(question, { answer: 'accept', items });
  assert.equal(result.kind, 'repaired');
  assert.equal(drifted.text('out/a.txt'), 'edited\n');
  assert.deepEqual(drifted.sql('SELECT text FROM note WHERE id < 3 ORDER BY id'), [
    { text: 'first' },
    { text: 'changed' },
  ]);
  assert.deepEqual(decisionsOf(drifted.copy.workspace, drifted.job.jobId)[0]?.answers, {
    ...items,
    'row:main/note/{"id":2}': 'accept',
  });
  await drifted.job.step(mark, {}, { stepId: 'mark' });
});

test('one resource is looked at again while another is decided', async () => {
  drifted.begin();
  writeFileSync(drifted.at('out/a.txt'), 'edited\n');
  drifted.sql("UPDATE note SET text = 'edited' WHERE id = 1");
  const question = await questionOf(drifted.job, drifted.copy);
  await drifted.job.decide(question, { items: { 'file:out/a.txt': 'recheck', 'row:main/note/{"id":1}': 'restore' } });
  const next = await questionOf(drifted.job, drifted.copy);
  assert.deepEqual(
    next.findings.map(({ resource }) => resource),
    ['file:out/a.txt'],
  );
});

test('a rerun undoes dependents newest first and runs them again under generation 1', async () => {
  drifted.begin();
  await drifted.job.step(chain, { from: 'summary.txt', to: 'c1.txt' }, { stepId: 'c1', uses: ['summary'] });
  await drifted.job.step(chain, { from: 'c1.txt', to: 'c1.txt' }, { stepId: 'c2', uses: ['c1'] });
  await drifted.job.step(mark, {}, { stepId: 'independent', uses: [] });
  writeFileSync(drifted.at('input.txt'), 'other\n');
  const question = await comparedQuestion(drifted.job);
  const finding = findingFor(question, 'file:input.txt');
  assert.deepEqual(finding.staleSteps, ['summary', 'c1', 'c2']);
  const result = await drifted.job.decide(question, { answer: 'rerun' });
  assert.ok(result.kind === 'repaired');
  assert.deepEqual(
    result.reruns.map(({ stepId, generation }) => `${stepId} ${generation}`),
    ['summary 1', 'c1 1', 'c2 1'],
  );
  assert.equal(existsSync(drifted.at('c1.txt')), false, 'c2 was undone before c1');
  assert.equal(existsSync(drifted.at('marked.txt')), true, 'what does not depend on it stays');
  await drifted.job.step(summarise, {}, { stepId: 'summary', uses: ['a', 'rows'] });
  await drifted.job.step(chain, { from: 'summary.txt', to: 'c1.txt' }, { stepId: 'c1', uses: ['summary'] });
  assert.match(
    (await drifted.job.step(chain, { from: 'c1.txt', to: 'c1.txt' }, { stepId: 'c2', uses: ['c1'] })).text,
    /^other\n[\s\S]*\+1\+1$/,
  );
  assert.equal(stepRecordsOf(drifted.copy.workspace, drifted.job.jobId, 'independent').length, 1);
  assert.equal((await drifted.job.verify()).kind, 'verified');
});

test('an undo replaces no row and no file that somebody changed after the question: they are asked about', async () => {
  drifted.begin();
  writeFileSync(drifted.at('input.txt'), 'other\n');
  const question = await questionOf(drifted.job, drifted.copy);
  // A row that the undo would take back and that the question does not name.
  drifted.sql("UPDATE note SET text = 'a person wrote this' WHERE id = 3");
  writeFileSync(drifted.at('summary.txt'), 'a person wrote this\n');
  const result = await drifted.job.decide(question, { answer: 'rerun' });
  assert.ok(result.kind === 'repaired');
  assert.deepEqual(drifted.sql('SELECT text FROM note WHERE id = 3'), [{ text: 'a person wrote this' }]);
  assert.equal(drifted.text('summary.txt'), 'a person wrote this\n');
  assert.ok(
    result.notes.some((note) => /row:main\/note\/\{"id":3\}: unchanged/.test(note)),
    result.notes.join('\n'),
  );
  const next = await questionOf(drifted.job, drifted.copy);
  assert.deepEqual(next.findings.map(({ resource }) => resource).sort(), [
    'file:summary.txt',
    'row:main/note/{"id":3}',
  ]);
});

test('a rerun where a column is gone does not break off: what can be undone is, the rest is told', async () => {
  drifted.begin();
  drifted.sql('ALTER TABLE note RENAME COLUMN text TO body');
  const question = await questionOf(drifted.job, drifted.copy);
  assert.deepEqual(
    question.findings.map(({ resource }) => resource),
    ['schema:main/note'],
    'the rows are implied',
  );
  const result = await drifted.job.decide(question, { answer: 'rerun' });
  assert.ok(result.kind === 'repaired', JSON.stringify(result));
  assert.equal((await drifted.job.verify()).kind, 'verified');
  const stuck = await questionFrom(
    drifted.job.run({
      stepId: 'rows',
      step: 'db.upsert',
      input: { database: 'main', table: 'note', rows: [{ id: 1, text: 'first', size: 5 }] },
      maxAttempts: 1,
    }),
  );
  assert.equal(stuck.kind, 'stuck');
  assert.match(stuck.findings[0]!.found.text, /text/);
});

test('a dropped table can be accepted with its rows', async () => {
  drifted.begin();
  drifted.sql('DROP TABLE note');
  const question = await questionOf(drifted.job, drifted.copy);
  await drifted.job.decide(question, { answer: 'accept' });
  await drifted.job.step(mark, {}, { stepId: 'mark' });
});

test('a statement with an undo is taken back by a rerun, and its schema with it', async () => {
  drifted.begin();
  await drifted.job.step(
    dbSqlStep,
    {
      database: 'main',
      sql: 'CREATE TABLE extra (id INTEGER PRIMARY KEY)',
      writes: ['extra'],
      undo: { sql: 'DROP TABLE extra' },
    },
    { stepId: 'extra', uses: ['summary'] },
  );
  writeFileSync(drifted.at('input.txt'), 'other\n');
  const question = await comparedQuestion(drifted.job);
  assert.deepEqual(findingFor(question, 'file:input.txt').rerunSteps, ['summary', 'extra']);
  await drifted.job.decide(question, { answer: 'rerun' });
  assert.deepEqual(drifted.sql("SELECT name FROM sqlite_schema WHERE name = 'extra'"), []);
  assert.equal((await drifted.job.verify()).kind, 'verified', 'its absence is no drift');
});

test('a statement without an undo keeps its recorded answer: it is not run again', async () => {
  drifted.begin();
  await drifted.job.step(
    dbSqlStep,
    { database: 'main', sql: 'CREATE TABLE extra (id INTEGER PRIMARY KEY)', writes: ['extra'] },
    { stepId: 'extra', uses: ['summary'] },
  );
  writeFileSync(drifted.at('input.txt'), 'other\n');
  const question = await comparedQuestion(drifted.job);
  const finding = findingFor(question, 'file:input.txt');
  assert.deepEqual(finding.staleSteps, ['summary', 'extra']);
  assert.deepEqual(finding.rerunSteps, ['summary']);
});

test('an undo that fails changes nothing in its database and says so, where its statement is named', async () => {
  drifted.begin();
  await drifted.job.step(
    dbSqlStep,
    {
      database: 'main',
      sql: 'CREATE TABLE extra (id INTEGER PRIMARY KEY)',
      writes: ['extra'],
      undo: { sql: 'DROP TABLE extra' },
    },
    { stepId: 'extra', uses: ['summary'] },
  );
  drifted.sql('DROP TABLE extra');
  writeFileSync(drifted.at('input.txt'), 'other\n');
  const question = await comparedQuestion(drifted.job);
  const unnamed = await drifted.job.decide(question, { answer: 'accept', items: { 'file:input.txt': 'rerun' } });
  assert.equal(unnamed.kind, 'refused', 'the statement would be made a second time');
  const result = await drifted.job.decide(question, {
    answer: 'accept',
    items: { 'file:input.txt': 'rerun', 'statements:extra': 'repeat' },
  });
  assert.ok(result.kind === 'repaired', JSON.stringify(result));
  assert.ok(
    result.notes.some((note) => /database main: unchanged \(.*extra/.test(note)),
    result.notes.join('\n'),
  );
  assert.equal(existsSync(drifted.at('summary.txt')), false);
  assert.equal((await drifted.job.verify()).kind, 'verified', 'what was left is as the record says');
});

test('a deleted result is made again by the step that made it', async () => {
  drifted.begin();
  rmSync(drifted.at('summary.txt'));
  const question = await questionOf(drifted.job, drifted.copy);
  assert.deepEqual(findingFor(question, 'file:summary.txt').rerunSteps, ['summary']);
  await drifted.job.decide(question, { answer: 'rerun' });
  await drifted.job.step(summarise, {}, { stepId: 'summary', uses: ['a', 'rows'] });
  assert.equal(drifted.text('summary.txt'), 'given\none\ntwo\nthree\n');
});

test('an approval dies with its draft: what was approved is not applied to a world that has moved', async () => {
  drifted.begin();
  writeFileSync(drifted.at('target.txt'), 'as it was shown\n');
  const write = (): Promise<unknown> =>
    drifted.job.step(
      fileWriteStep,
      { path: 'target.txt', content: 'ours\n' },
      { stepId: 'write', approval: 'before-apply' },
    );
  const question = await questionFrom(write());
  await drifted.job.decide(question, { answer: 'approve' });
  writeFileSync(drifted.at('target.txt'), 'changed after the approval\n');
  const next = await questionFrom(write());
  assert.notEqual(next.digest, question.digest);
  assert.match(next.findings[0]!.difference, /-changed after the approval/);
  assert.equal(drifted.text('target.txt'), 'changed after the approval\n');
  // With the shown content put back the draft is the same as the approved one, and still needs its own approval.
  writeFileSync(drifted.at('target.txt'), 'as it was shown\n');
  await drifted.job.decide(next, { answer: 'reject' });
  const third = await questionFrom(write());
  assert.equal(drifted.text('target.txt'), 'as it was shown\n');
  await drifted.job.decide(third, { answer: 'approve' });
  await write();
  assert.equal(drifted.text('target.txt'), 'ours\n');
});

test("an edit while the worker of a half-applied step is dead is that step's conflict in the comparison", async () => {
  for (const answer of ['skip', 'overwrite', 'undo'] as const) {
    drifted.begin();
    const write = (): Promise<unknown> =>
      drifted.job.step(fileWriteStep, { path: 'out/a.txt', content: 'second version\n' }, { stepId: 'again' });
    await drifted.job.verify();
    onceAt('applying.after', () => {
      throw new Error('the worker dies here');
    });
    await assert.rejects(write());
    await drifted.job.close();
    writeFileSync(drifted.at('out/a.txt'), 'a person came between\n');
    drifted.job = resume({ ...drifted.copy, memory: drifted.job.memory }, 'restart', { workerId: 'its successor' });
    const question = await questionOf(drifted.job, drifted.copy);
    const finding = findingFor(question, 'file:out/a.txt');
    assert.equal(finding.kind, 'target-neither-before-nor-after');
    assert.match(finding.expected.text, /before: 14 bytes.*or after: 15 bytes/);
    assert.deepEqual(finding.answers, ['skip', 'overwrite', 'undo', 'recheck', 'abort']);
    const result = await drifted.job.decide(question, { answer });
    assert.ok(result.kind === 'repaired');
    await write();
    assert.equal(drifted.text('out/a.txt'), answer === 'skip' ? 'a person came between\n' : 'second version\n', answer);
    assert.equal(
      stepRecordsOf(drifted.copy.workspace, drifted.job.jobId, 'again').at(-1)?.generation,
      answer === 'undo' ? 1 : 0,
    );
    assert.equal(
      await blobText(drifted.copy.workspace, finding.found.text === '' ? '' : contentOf(question)),
      'a person came between\n',
    );
    assert.equal((await drifted.job.verify()).kind, 'verified', answer);
    if (answer === 'undo') break;
    await drifted.job.close();
    removeFixture(drifted.copy);
  }
});

function contentOf(question: Question): string {
  return readLedger(drifted.copy.workspace, (ledger) => {
    const body = ledger.repairs.find(question.digest)!.body as { found: Record<string, { content: string }> };
    return body.found['file:out/a.txt']!.content;
  });
}

test('a row changed before its database had committed is a conflict; overwrite and skip do as they say', async () => {
  for (const answer of ['overwrite', 'skip'] as const) {
    drifted.begin();
    const upsert = (): Promise<unknown> =>
      drifted.job.step(
        dbUpsertStep,
        { database: 'main', table: 'note', rows: [{ id: 1, text: 'ours', size: 1 }] },
        { stepId: 'again' },
      );
    await drifted.job.verify();
    onceAt('commit.database-before', () => {
      throw new Error('the worker dies here');
    });
    await assert.rejects(upsert());
    drifted.sql("UPDATE note SET text = 'a person came between' WHERE id = 1");
    const question = await questionFrom(upsert());
    assert.equal(question.kind, 'conflict');
    assert.deepEqual(
      question.findings.map(({ resource }) => resource),
      ['row:main/note/{"id":1}'],
    );
    assert.ok((await drifted.job.decide(question, { answer })).kind === 'repaired');
    await upsert();
    assert.deepEqual(drifted.sql('SELECT text FROM note WHERE id = 1'), [
      { text: answer === 'skip' ? 'a person came between' : 'ours' },
    ]);
    assert.equal((await drifted.job.verify()).kind, 'verified', answer);
    if (answer === 'skip') break;
    await drifted.job.close();
    removeFixture(drifted.copy);
  }
});

test('a database restored from a backup is taken as it is, or its rows are put back', async () => {
  drifted.begin();
  await drifted.job.verify();
  const backup = readFileSync(drifted.at(SQLITE_FILE));
  await drifted.job.step(
    dbUpsertStep,
    { database: 'main', table: 'note', rows: [{ id: 7, text: 'seven', size: 7 }] },
    { stepId: 'seven' },
  );
  await drifted.job.close();
  for (const suffix of ['-wal', '-shm']) rmSync(drifted.at(SQLITE_FILE + suffix), { force: true });
  writeFileSync(drifted.at(SQLITE_FILE), backup);
  drifted.job = resume({ ...drifted.copy, memory: drifted.job.memory }, 'restart', { workerId: 'its successor' });
  const question = await questionOf(drifted.job, drifted.copy);
  const token = question.findings.find(({ kind }) => kind === 'token-missing');
  assert.ok(token, question.findings.map(({ resource, kind }) => `${resource} ${kind}`).join());
  const result = await drifted.job.decide(question, {
    answer: 'accept',
    items: { 'row:main/note/{"id":7}': 'restore' },
  });
  assert.ok(result.kind === 'repaired', JSON.stringify(result));
  assert.deepEqual(drifted.sql('SELECT text FROM note WHERE id = 7'), [{ text: 'seven' }]);
  assert.equal((await drifted.job.verify()).kind, 'verified');
  await drifted.job.step(mark, {}, { stepId: 'mark' });
});
