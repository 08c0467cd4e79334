/** Answers that would do nothing are refused, visibly, and their question stays or is asked anew. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import type { Question } from '../../src/model/question/question.ts';
import { decided, RAISE } from '../support/decided-job.ts';
import { onceAFile } from '../support/drifted-job.ts';
import { mark, questionOf, SQLITE_FILE } from '../support/drift.ts';
import { lockFile, unlockFile, whyNotImmutable } from '../support/immutable.ts';
import { comparedQuestion, questionFrom } from '../support/questions.ts';
import { sqliteScript } from '../support/sqlite.ts';

const drifted = onceAFile(decided);

async function refusal(question: Question, answer: 'restore' | 'rerun'): Promise<string> {
  const result = await drifted.job.decide(question, { answer });
  assert.ok(result.kind === 'refused', JSON.stringify(result));
  const next = await comparedQuestion(drifted.job);
  assert.equal(next.digest, question.digest, 'the same question stays');
  return result.problems.join('\n');
}

test('restore of a file that may not be replaced is refused until it may', { skip: whyNotImmutable() }, async () => {
  drifted.begin();
  writeFileSync(drifted.at('out/a.txt'), 'edited\n');
  const question = await questionOf(drifted.job, drifted.copy);
  lockFile(drifted.at('out/a.txt'));
  try {
    assert.match(await refusal(question, 'restore'), /file:out\/a\.txt cannot be put back: .*immutable \(EPERM/);
  } finally {
    unlockFile(drifted.at('out/a.txt'));
  }
  await drifted.decide(question, { answer: 'restore' });
  assert.equal(drifted.text('out/a.txt'), 'one\ntwo\nthree\n');
});

test(
  'rerun of a step whose file may not be taken back is refused until it may',
  { skip: whyNotImmutable() },
  async () => {
    drifted.begin();
    writeFileSync(drifted.at('input.txt'), 'given otherwise\n');
    const question = await comparedQuestion(drifted.job);
    lockFile(drifted.at('summary.txt'));
    try {
      assert.match(await refusal(question, 'rerun'), /file:summary\.txt cannot be put back: .*immutable \(EPERM/);
      assert.equal(drifted.sql('SELECT id FROM note WHERE id = 3').length, 1, 'nothing of the step is undone');
    } finally {
      unlockFile(drifted.at('summary.txt'));
    }
    await drifted.decide(question, { answer: 'rerun' });
    assert.deepEqual(drifted.sql('SELECT id FROM note WHERE id = 3'), []);
  },
);

test('undo of a half-applied step whose row the database keeps is refused, and nothing of it is undone', async () => {
  const { question } = await RAISE.conflict();
  sqliteScript(
    drifted.at(SQLITE_FILE),
    "CREATE TRIGGER no BEFORE DELETE ON note BEGIN SELECT RAISE(ABORT, 'not now'); END",
  );
  const before = drifted.snapshot();
  const result = await drifted.job.decide(question, { answer: 'undo' });
  assert.ok(result.kind === 'refused', JSON.stringify(result));
  assert.match(result.problems.join(), /^row:main\/note\/\{"id":9\} cannot be put back: .*not now/);
  assert.deepEqual(drifted.snapshot(), before);
  sqliteScript(drifted.at(SQLITE_FILE), 'DROP TRIGGER no');
  await drifted.decide(question, { answer: 'undo' });
  assert.deepEqual(drifted.sql('SELECT id FROM note WHERE id = 9'), []);
});

for (const [how, what, reason] of [
  ['refuses', "RAISE(ABORT, 'not now')", /row:main\/note\/\{"id":1\} cannot be put back: .*not now/],
  ['ignores', 'RAISE(IGNORE)', /row:main\/note\/\{"id":1\} cannot be put back/],
] as const)
  test(`restore of a row that the database ${how} is refused until it takes it`, async () => {
    drifted.begin();
    drifted.sql("UPDATE note SET text = 'edited' WHERE id = 1");
    const question = await questionOf(drifted.job, drifted.copy);
    sqliteScript(drifted.at(SQLITE_FILE), `CREATE TRIGGER no BEFORE UPDATE ON note BEGIN SELECT ${what}; END`);
    const result = await drifted.job.decide(question, { answer: 'restore' });
    assert.ok(result.kind === 'refused', JSON.stringify(result));
    assert.match(result.problems.join('\n'), reason);
    sqliteScript(drifted.at(SQLITE_FILE), 'DROP TRIGGER no');
    await drifted.decide(question, { answer: 'restore' });
    assert.deepEqual(drifted.sql('SELECT text FROM note WHERE id = 1'), [{ text: 'first' }]);
    await drifted.job.step(mark, {}, { stepId: 'mark' });
  });

for (const place of ['target.txt', 'out/a.txt'])
  test(`approve after somebody changed ${place} is not used, applies nothing, and names a new question`, async () => {
    drifted.begin();
    writeFileSync(drifted.at('target.txt'), 'as it was shown\n');
    const write = (): Promise<unknown> =>
      drifted.job.step(
        fileWriteStep,
        { path: place, content: 'ours\n' },
        { stepId: 'write', approval: 'before-apply' },
      );
    const question = await questionFrom(write());
    writeFileSync(drifted.at(place), 'changed before the approval\n');
    const result = await drifted.job.decide(question, { answer: 'approve' });
    assert.deepEqual(result, { kind: 'world-moved', question: question.digest, resources: [`file:${place}`] });
    const next = await questionFrom(write());
    assert.notEqual(next.digest, question.digest);
    assert.match(next.findings[0]!.difference, /changed before the approval/);
    assert.equal(drifted.text(place), 'changed before the approval\n');
  });

test('a folder that has become a link out of the workspace is asked about, and no permission is advised', async () => {
  drifted.begin();
  const elsewhere = `${drifted.job.workspace}-elsewhere`;
  mkdirSync(elsewhere);
  try {
    writeFileSync(`${elsewhere}/a.txt`, 'of somebody else\n');
    rmSync(drifted.at('out'), { recursive: true });
    symlinkSync(elsewhere, drifted.at('out'));
    const { findings } = await comparedQuestion(drifted.job);
    const hidden = findings.find(({ resource }) => resource === 'file:out/a.txt')!;
    assert.deepEqual([hidden.kind, hidden.answers], ['unreadable', ['recheck', 'abort']]);
    assert.match(hidden.advice!, /^Nothing is read through a link that leads out of the workspace: put the folder/);
    const link = findings.find(({ resource }) => resource === 'file:out')!;
    assert.deepEqual([link.kind, link.answers], ['kind-changed', ['restore', 'rerun', 'recheck', 'abort']]);
    assert.match(link.advice!, /^The link leads out of the workspace, .* so accept is not offered\. /);
  } finally {
    rmSync(elsewhere, { recursive: true });
  }
});
