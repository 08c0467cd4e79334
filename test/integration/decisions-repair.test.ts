/** What a repair does beyond one cell of the table: answers per resource, undo that is checked, approvals that die, half-applied steps. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, afterEach, before, test } from 'node:test';
import * as z from 'zod';
import { dbSqlStep, dbUpsertStep } from '../../src/model/step/built-in/database.ts';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import type { Question } from '../../src/model/question/question.ts';
import { setFaultHook, type FaultPoint } from '../../src/store/fault-point.ts';
import { defineStep, implementStep, QuestionAsked, type TestJob } from '../../src/testing.ts';
import {
  copyOf,
  findingFor,
  makeFixture,
  mark,
  questionOf,
  removeFixture,
  resume,
  SQLITE_FILE,
  stepsFor,
  summarise,
  type Fixture,
} from '../support/drift.ts';
import { blobText, decisionsOf, readLedger, stepRecordsOf } from '../support/ledger.ts';

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

let fixture: Fixture;
let copy: Fixture;
let job: TestJob;

before(async () => {
  fixture = await makeFixture();
});
after(() => removeFixture(fixture));

function begin(): void {
  copy = copyOf(fixture);
  job = resume(copy, 'restart', { steps: [...(stepsFor(copy.workspace) ?? []), chainCode] });
}

afterEach(async () => {
  setFaultHook(undefined);
  await job?.close();
  if (copy !== undefined) removeFixture(copy);
});

const at = (place: string): string => join(copy.workspace, place);
const text = (place: string): string => readFileSync(at(place), 'utf8');

function sql(statement: string): unknown[] {
  const database = new DatabaseSync(at(SQLITE_FILE));
  try {
    return database
      .prepare(statement)
      .all()
      .map((row) => ({ ...row }));
  } finally {
    database.close();
  }
}

async function questionFrom(work: Promise<unknown>): Promise<Question> {
  const outcome = await work.then(
    () => 'no question',
    (error: unknown) => error,
  );
  assert.ok(outcome instanceof QuestionAsked, outcome instanceof Error ? outcome.stack : String(outcome));
  return outcome.question;
}

function onceAt(point: FaultPoint, act: () => void): void {
  setFaultHook((reached) => {
    if (reached !== point) return;
    setFaultHook(undefined);
    act();
  });
}

test('the note of what is accepted names the steps that are left as they are, not one that another answer runs again', async () => {
  begin();
  writeFileSync(at('out/a.txt'), 'edited\n');
  writeFileSync(at('input.txt'), 'edited, too\n');
  const question = await questionFrom(job.step(mark, {}, { stepId: 'mark' }));
  for (const resource of ['file:out/a.txt', 'file:input.txt'])
    assert.deepEqual(findingFor(question, resource).staleSteps, ['summary']);
  const result = await job.decide(question, { items: { 'file:out/a.txt': 'accept', 'file:input.txt': 'rerun' } });
  assert.ok(result.kind === 'repaired', JSON.stringify(result));
  assert.deepEqual(
    result.reruns.map(({ stepId }) => stepId),
    ['summary'],
  );
  assert.ok(result.notes.includes('file:out/a.txt: what was found is the record now'), result.notes.join('; '));
});

test('a row that was changed in a table whose column was renamed tells its own change; the column is told once, by the schema', async () => {
  begin();
  sql('ALTER TABLE note RENAME COLUMN text TO body');
  sql('UPDATE note SET size = 77 WHERE id = 1');
  const question = await questionFrom(job.step(mark, {}, { stepId: 'mark' }));
  assert.deepEqual(question.findings.map(({ resource }) => resource).sort(), [
    'row:main/note/{"id":1}',
    'schema:main/note',
  ]);
  const { difference } = findingFor(question, 'row:main/note/{"id":1}');
  assert.match(difference, /^"size": expected \S+, found 77$/);
  assert.match(findingFor(question, 'schema:main/note').difference, /text.*body/);
});

test('each resource gets its own answer', async () => {
  begin();
  writeFileSync(at('out/a.txt'), 'edited\n');
  sql("UPDATE note SET text = 'edited' WHERE id = 1");
  sql("UPDATE note SET text = 'changed' WHERE id = 2");
  const question = await questionOf(job, copy);
  const items = { 'file:out/a.txt': 'accept', 'row:main/note/{"id":1}': 'restore' } as const;
  const result = await job.decide(question, { answer: 'accept', items });
  assert.equal(result.kind, 'repaired');
  assert.equal(text('out/a.txt'), 'edited\n');
  assert.deepEqual(sql('SELECT text FROM note WHERE id < 3 ORDER BY id'), [{ text: 'first' }, { text: 'changed' }]);
  assert.deepEqual(decisionsOf(copy.workspace, job.jobId)[0]?.answers, {
    ...items,
    'row:main/note/{"id":2}': 'accept',
  });
  await job.step(mark, {}, { stepId: 'mark' });
});

test('one resource is looked at again while another is decided', async () => {
  begin();
  writeFileSync(at('out/a.txt'), 'edited\n');
  sql("UPDATE note SET text = 'edited' WHERE id = 1");
  const question = await questionOf(job, copy);
  await job.decide(question, { items: { 'file:out/a.txt': 'recheck', 'row:main/note/{"id":1}': 'restore' } });
  const next = await questionOf(job, copy);
  assert.deepEqual(
    next.findings.map(({ resource }) => resource),
    ['file:out/a.txt'],
  );
});

test('a rerun undoes dependents newest first and runs them again under generation 1', async () => {
  begin();
  await job.step(chain, { from: 'summary.txt', to: 'c1.txt' }, { stepId: 'c1', uses: ['summary'] });
  await job.step(chain, { from: 'c1.txt', to: 'c1.txt' }, { stepId: 'c2', uses: ['c1'] });
  await job.step(mark, {}, { stepId: 'independent', uses: [] });
  writeFileSync(at('input.txt'), 'other\n');
  const question = await questionFrom(
    job.verify().then((result) => {
      if (result.kind === 'question') throw new QuestionAsked(result.question);
    }),
  );
  const finding = findingFor(question, 'file:input.txt');
  assert.deepEqual(finding.staleSteps, ['summary', 'c1', 'c2']);
  const result = await job.decide(question, { answer: 'rerun' });
  assert.ok(result.kind === 'repaired');
  assert.deepEqual(
    result.reruns.map(({ stepId, generation }) => `${stepId} ${generation}`),
    ['summary 1', 'c1 1', 'c2 1'],
  );
  assert.equal(existsSync(at('c1.txt')), false, 'c2 was undone before c1');
  assert.equal(existsSync(at('marked.txt')), true, 'what does not depend on it stays');
  await job.step(summarise, {}, { stepId: 'summary', uses: ['a', 'rows'] });
  await job.step(chain, { from: 'summary.txt', to: 'c1.txt' }, { stepId: 'c1', uses: ['summary'] });
  assert.match(
    (await job.step(chain, { from: 'c1.txt', to: 'c1.txt' }, { stepId: 'c2', uses: ['c1'] })).text,
    /^other\n[\s\S]*\+1\+1$/,
  );
  assert.equal(stepRecordsOf(copy.workspace, job.jobId, 'independent').length, 1);
  assert.equal((await job.verify()).kind, 'verified');
});

test('an undo never replaces what somebody changed after the question: the row and the file stay, and are asked about', async () => {
  begin();
  writeFileSync(at('input.txt'), 'other\n');
  const question = await questionOf(job, copy);
  // What the undo would take back, and the question does not name.
  sql("UPDATE note SET text = 'a person wrote this' WHERE id = 3");
  writeFileSync(at('summary.txt'), 'a person wrote this\n');
  const result = await job.decide(question, { answer: 'rerun' });
  assert.ok(result.kind === 'repaired');
  assert.deepEqual(sql('SELECT text FROM note WHERE id = 3'), [{ text: 'a person wrote this' }]);
  assert.equal(text('summary.txt'), 'a person wrote this\n');
  assert.ok(
    result.notes.some((note) => /row:main\/note\/\{"id":3\}: left as it is/.test(note)),
    result.notes.join('\n'),
  );
  const next = await questionOf(job, copy);
  assert.deepEqual(next.findings.map(({ resource }) => resource).sort(), [
    'file:summary.txt',
    'row:main/note/{"id":3}',
  ]);
});

test('a rerun where a column is gone does not break off: what can be undone is, the rest is told', async () => {
  begin();
  sql('ALTER TABLE note RENAME COLUMN text TO body');
  const question = await questionOf(job, copy);
  assert.deepEqual(
    question.findings.map(({ resource }) => resource),
    ['schema:main/note'],
    'the rows are implied',
  );
  const result = await job.decide(question, { answer: 'rerun' });
  assert.ok(result.kind === 'repaired', JSON.stringify(result));
  assert.equal((await job.verify()).kind, 'verified');
  const stuck = await questionFrom(
    job.run({
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
  begin();
  sql('DROP TABLE note');
  const question = await questionOf(job, copy);
  await job.decide(question, { answer: 'accept' });
  await job.step(mark, {}, { stepId: 'mark' });
});

test('a statement with an undo is taken back by a rerun, and its schema with it', async () => {
  begin();
  await job.step(
    dbSqlStep,
    {
      database: 'main',
      sql: 'CREATE TABLE extra (id INTEGER PRIMARY KEY)',
      writes: ['extra'],
      undo: { sql: 'DROP TABLE extra' },
    },
    { stepId: 'extra', uses: ['summary'] },
  );
  writeFileSync(at('input.txt'), 'other\n');
  const question = await questionFrom(
    job.verify().then((result) => {
      if (result.kind === 'question') throw new QuestionAsked(result.question);
    }),
  );
  assert.deepEqual(findingFor(question, 'file:input.txt').rerunSteps, ['summary', 'extra']);
  await job.decide(question, { answer: 'rerun' });
  assert.deepEqual(sql("SELECT name FROM sqlite_schema WHERE name = 'extra'"), []);
  assert.equal((await job.verify()).kind, 'verified', 'its absence is no drift');
});

test('a statement without an undo keeps its recorded answer: it is not run again', async () => {
  begin();
  await job.step(
    dbSqlStep,
    { database: 'main', sql: 'CREATE TABLE extra (id INTEGER PRIMARY KEY)', writes: ['extra'] },
    { stepId: 'extra', uses: ['summary'] },
  );
  writeFileSync(at('input.txt'), 'other\n');
  const question = await questionFrom(
    job.verify().then((result) => {
      if (result.kind === 'question') throw new QuestionAsked(result.question);
    }),
  );
  const finding = findingFor(question, 'file:input.txt');
  assert.deepEqual(finding.staleSteps, ['summary', 'extra']);
  assert.deepEqual(finding.rerunSteps, ['summary']);
});

test('an undo that fails leaves its database as it is and says so; the decision is carried out all the same', async () => {
  begin();
  await job.step(
    dbSqlStep,
    {
      database: 'main',
      sql: 'CREATE TABLE extra (id INTEGER PRIMARY KEY)',
      writes: ['extra'],
      undo: { sql: 'DROP TABLE extra' },
    },
    { stepId: 'extra', uses: ['summary'] },
  );
  sql('DROP TABLE extra');
  writeFileSync(at('input.txt'), 'other\n');
  const question = await questionFrom(
    job.verify().then((result) => {
      if (result.kind === 'question') throw new QuestionAsked(result.question);
    }),
  );
  const result = await job.decide(question, { answer: 'accept', items: { 'file:input.txt': 'rerun' } });
  assert.ok(result.kind === 'repaired', JSON.stringify(result));
  assert.ok(
    result.notes.some((note) => /database main: left as it is \(.*extra/.test(note)),
    result.notes.join('\n'),
  );
  assert.equal(existsSync(at('summary.txt')), false);
  assert.equal((await job.verify()).kind, 'verified', 'what was left is as the record says');
});

test('a deleted result is made again by the step that made it', async () => {
  begin();
  rmSync(at('summary.txt'));
  const question = await questionOf(job, copy);
  assert.deepEqual(findingFor(question, 'file:summary.txt').rerunSteps, ['summary']);
  await job.decide(question, { answer: 'rerun' });
  await job.step(summarise, {}, { stepId: 'summary', uses: ['a', 'rows'] });
  assert.equal(text('summary.txt'), 'given\none\ntwo\nthree\n');
});

test('an approval dies with its draft: what was approved is not applied to a world that has moved', async () => {
  begin();
  writeFileSync(at('target.txt'), 'as it was shown\n');
  const write = (): Promise<unknown> =>
    job.step(fileWriteStep, { path: 'target.txt', content: 'ours\n' }, { stepId: 'write', approval: 'before-apply' });
  const question = await questionFrom(write());
  await job.decide(question, { answer: 'approve' });
  writeFileSync(at('target.txt'), 'changed after the approval\n');
  const next = await questionFrom(write());
  assert.notEqual(next.digest, question.digest);
  assert.match(next.findings[0]!.difference, /-changed after the approval/);
  assert.equal(text('target.txt'), 'changed after the approval\n');
  // Put back as it was shown: the draft comes out the same, and still needs an approval of its own.
  writeFileSync(at('target.txt'), 'as it was shown\n');
  await job.decide(next, { answer: 'reject' });
  const third = await questionFrom(write());
  assert.equal(text('target.txt'), 'as it was shown\n');
  await job.decide(third, { answer: 'approve' });
  await write();
  assert.equal(text('target.txt'), 'ours\n');
});

test("an edit of a half-applied step while its worker was dead is that step's conflict, named by the comparison", async () => {
  for (const answer of ['skip', 'overwrite', 'undo'] as const) {
    begin();
    const write = (): Promise<unknown> =>
      job.step(fileWriteStep, { path: 'out/a.txt', content: 'second version\n' }, { stepId: 'again' });
    await job.verify();
    onceAt('applying.after', () => {
      throw new Error('the worker dies here');
    });
    await assert.rejects(write());
    await job.close();
    writeFileSync(at('out/a.txt'), 'a person came between\n');
    job = resume({ ...copy, memory: job.memory }, 'restart', { workerId: 'its successor' });
    const question = await questionOf(job, copy);
    const finding = findingFor(question, 'file:out/a.txt');
    assert.equal(finding.kind, 'target-neither-before-nor-after');
    assert.match(finding.expected.text, /before: 14 bytes.*or after: 15 bytes/);
    assert.deepEqual(finding.answers, ['skip', 'overwrite', 'undo', 'recheck', 'abort']);
    const result = await job.decide(question, { answer });
    assert.ok(result.kind === 'repaired');
    await write();
    assert.equal(text('out/a.txt'), answer === 'skip' ? 'a person came between\n' : 'second version\n', answer);
    assert.equal(stepRecordsOf(copy.workspace, job.jobId, 'again').at(-1)?.generation, answer === 'undo' ? 1 : 0);
    assert.equal(
      await blobText(copy.workspace, finding.found.text === '' ? '' : contentOf(question)),
      'a person came between\n',
    );
    assert.equal((await job.verify()).kind, 'verified', answer);
    if (answer === 'undo') break;
    await job.close();
    removeFixture(copy);
  }
});

function contentOf(question: Question): string {
  return readLedger(copy.workspace, (ledger) => {
    const body = ledger.repairBody(question.digest)!.body as { found: Record<string, { content: string }> };
    return body.found['file:out/a.txt']!.content;
  });
}

test('a row that was changed before its database had committed is a conflict; overwrite and skip do as they say', async () => {
  for (const answer of ['overwrite', 'skip'] as const) {
    begin();
    const upsert = (): Promise<unknown> =>
      job.step(
        dbUpsertStep,
        { database: 'main', table: 'note', rows: [{ id: 1, text: 'ours', size: 1 }] },
        { stepId: 'again' },
      );
    await job.verify();
    onceAt('commit.database-before', () => {
      throw new Error('the worker dies here');
    });
    await assert.rejects(upsert());
    sql("UPDATE note SET text = 'a person came between' WHERE id = 1");
    const question = await questionFrom(upsert());
    assert.equal(question.kind, 'conflict');
    assert.deepEqual(
      question.findings.map(({ resource }) => resource),
      ['row:main/note/{"id":1}'],
    );
    assert.ok((await job.decide(question, { answer })).kind === 'repaired');
    await upsert();
    assert.deepEqual(sql('SELECT text FROM note WHERE id = 1'), [
      { text: answer === 'skip' ? 'a person came between' : 'ours' },
    ]);
    assert.equal((await job.verify()).kind, 'verified', answer);
    if (answer === 'skip') break;
    await job.close();
    removeFixture(copy);
  }
});

test('a database restored from a backup is taken as it is, or its rows are put back', async () => {
  begin();
  await job.verify();
  const backup = readFileSync(at(SQLITE_FILE));
  await job.step(
    dbUpsertStep,
    { database: 'main', table: 'note', rows: [{ id: 7, text: 'seven', size: 7 }] },
    { stepId: 'seven' },
  );
  await job.close();
  for (const suffix of ['-wal', '-shm']) rmSync(at(SQLITE_FILE + suffix), { force: true });
  writeFileSync(at(SQLITE_FILE), backup);
  job = resume({ ...copy, memory: job.memory }, 'restart', { workerId: 'its successor' });
  const question = await questionOf(job, copy);
  const token = question.findings.find(({ kind }) => kind === 'token-missing');
  assert.ok(token, question.findings.map(({ resource, kind }) => `${resource} ${kind}`).join());
  const result = await job.decide(question, { answer: 'accept', items: { 'row:main/note/{"id":7}': 'restore' } });
  assert.ok(result.kind === 'repaired', JSON.stringify(result));
  assert.deepEqual(sql('SELECT text FROM note WHERE id = 7'), [{ text: 'seven' }]);
  assert.equal((await job.verify()).kind, 'verified');
  await job.step(mark, {}, { stepId: 'mark' });
});
