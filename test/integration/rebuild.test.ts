/** A record that is lost or damaged is made anew by decision: from its store, and from what the Workflow has heard. */
import assert from 'node:assert/strict';
import {
  closeSync,
  cpSync,
  existsSync,
  openSync,
  readdirSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { chainOf, decisionsOf, manifestEntry, stepRecordsOf } from '../support/ledger.ts';
import { call, LostJob } from '../support/lost-job.ts';
import { questionFrom } from '../support/questions.ts';
import { sqliteScript } from '../support/sqlite.ts';
import { sealAll } from '../support/stored-job.ts';
import { forEachTest } from '../support/tested-job.ts';

const lost = forEachTest(new LostJob());

test('without a store: what the Workflow has heard counts as done, and nothing of it is done again', async () => {
  await lost.write('a');
  await lost.say('s');
  const before = statSync(lost.at('a.txt'));
  lost.lose();
  const question = await questionFrom(lost.write('c'));
  assert.equal(existsSync(lost.at('.holdfast')), false, 'nothing is made before the decision');
  const [finding] = question.findings;
  assert.deepEqual([finding!.kind, finding!.answers], ['ledger-missing', ['rebuild', 'recheck', 'abort']]);
  assert.match(finding!.found.text, /Only Temporal's history has the job: the results of 2 steps$/);
  assert.match(finding!.difference, /count as done, with the results of the history: a, s/);
  assert.match(finding!.difference, /file:a\.txt: 2 bytes, .*content/);
  assert.match(finding!.difference, /committed, as their databases prove: s in main/);
  const notes = await lost.decide(question, { answer: 'rebuild', by: 'ann', reason: 'the disk is gone' });
  assert.match(notes.join('\n'), /made anew from Temporal's history/);
  await lost.write('c');
  await lost.write('a');
  await lost.say('s');
  assert.equal(lost.said, 1);
  assert.deepEqual([statSync(lost.at('a.txt')).ino, statSync(lost.at('a.txt')).mtimeMs], [before.ino, before.mtimeMs]);
  const [decision] = decisionsOf(lost.job.workspace, lost.job.jobId);
  assert.deepEqual(
    [decision!.by, decision!.reason, decision!.rebuilds],
    ['ann', 'the disk is gone', { checkpoint: 0, known: 5 }],
  );
  assert.equal(stepRecordsOf(lost.job.workspace, lost.job.jobId, 'a')[0]!.rebuilt, true);
  assert.ok(manifestEntry(lost.job.workspace, lost.job.jobId, 'file:a.txt'));
  assert.equal((await lost.job.verify()).kind, 'verified');
});

test('a step that may have begun runs anew, and each of its calls is asked about, never made in silence', async () => {
  await lost.write('a');
  lost.isFailing = true;
  await assert.rejects(lost.job.step(call, { fail: true }, { stepId: 'call' }), /the worker was lost/);
  lost.isFailing = false;
  lost.lose();
  const question = await questionFrom(lost.job.step(call, { fail: true }, { stepId: 'call' }));
  assert.match(question.findings[0]!.difference, /may have begun, and run anew from their beginning: call/);
  await lost.decide(question, { answer: 'rebuild' });
  const doubt = await questionFrom(lost.job.step(call, { fail: true }, { stepId: 'call' }));
  assert.deepEqual(
    doubt.findings.map(({ resource, kind }) => `${resource} ${kind}`),
    ['perform:call/ring outcome-unknown'],
  );
  assert.equal(lost.calls.length, 1);
  await lost.decide(doubt, { answer: 'happened', result: 'rung before' });
  assert.equal(await lost.job.step(call, { fail: true }, { stepId: 'call' }), 'rung before');
  assert.equal(lost.calls.length, 1);
});

test('what a database has committed for a step that is not done is repeated only where a person names it', async () => {
  await lost.write('a');
  setFaultHook((point) => {
    if (point === 'commit.database-after') throw new Error('killed');
  });
  await assert.rejects(lost.say('s'), /killed/);
  setFaultHook(undefined);
  lost.lose();
  const question = await questionFrom(lost.say('s'));
  assert.match(question.findings[0]!.difference, /committed, as their databases prove: s in main/);
  const refused = await lost.job.decide(question, { answer: 'rebuild' });
  assert.ok(refused.kind === 'refused');
  assert.match(refused.problems.join(), /database main has committed what it did.*--item 'statements:s=repeat'/);
  assert.equal(existsSync(lost.at('.holdfast/ledger.sqlite')), false);
  await lost.decide(question, { answer: 'rebuild', items: { 'statements:s': 'repeat' } });
  await lost.say('s');
  assert.equal(lost.said, 2);
  assert.equal((await lost.job.verify()).kind, 'verified');
});

test('with a store: the record is that of its newest checkpoint, and what came after counts as done', async () => {
  await lost.job.close();
  lost.open({ store: join(lost.folder, 'store') });
  await lost.write('a');
  await lost.write('b', 'x'.repeat(50_000));
  await lost.say('s');
  await sealAll(lost.job, join(lost.folder, 'store'));
  const chain = chainOf(lost.job.workspace, lost.job.jobId);
  writeFileSync(lost.at('b.txt'), 'changed by a person');
  lost.lose();
  const question = await lost.asked();
  const place = chain.findLast(({ kind }) => kind === 'checkpoint')!.seq;
  assert.match(
    question.findings[0]!.found.text,
    new RegExp(`Checkpoint ${place} in .*/store has its first ${place} records, and`),
  );
  await lost.job.decide(question, { answer: 'rebuild' });
  const now = chainOf(lost.job.workspace, lost.job.jobId);
  assert.deepEqual(now.slice(0, place), chain.slice(0, place), 'record for record');
  assert.deepEqual(
    now.slice(place).map(({ kind }) => kind),
    ['step', 'step', 'decision'],
  );
  const drift = await lost.job.verify();
  assert.equal(drift.kind, 'verified', 'what is adopted of the step behind the checkpoint is as it is now');
  await lost.say('s');
  await lost.write('c');
  assert.equal(lost.said, 1);
});

for (const [how, damage] of [
  ['cut short', (path: string) => truncateSync(path, 5_000)],
  ['zeroed in part', (path: string) => zero(path, 4_096, 8_192)],
  ['emptied', (path: string) => truncateSync(path, 0)],
] as const)
  test(`a ledger that is ${how} is moved aside, and made anew`, async () => {
    await lost.write('a');
    await lost.write('b');
    sqliteScript(lost.at('.holdfast/ledger.sqlite'), 'PRAGMA wal_checkpoint(TRUNCATE)');
    damage(lost.at('.holdfast/ledger.sqlite'));
    const question = await lost.asked();
    assert.match(question.findings[0]!.kind, /^ledger-(damaged|missing|behind)$/);
    await lost.decide(question, { answer: 'rebuild' });
    assert.deepEqual(readdirSync(lost.at('.holdfast/lost')).length, 1);
    await lost.write('c');
    assert.equal((await lost.job.verify()).kind, 'verified');
  });

test('an older copy is recognised, and what has come since is taken from what the Workflow has heard', async () => {
  await lost.write('a');
  await lost.job.verify();
  sqliteScript(lost.at('.holdfast/ledger.sqlite'), 'PRAGMA wal_checkpoint(TRUNCATE)');
  cpSync(lost.at('.holdfast'), join(lost.folder, 'older'), { recursive: true });
  await lost.write('b');
  lost.lose();
  cpSync(join(lost.folder, 'older'), lost.at('.holdfast'), { recursive: true });
  const question = await lost.asked();
  assert.equal(question.findings[0]!.kind, 'ledger-behind');
  await lost.decide(question, { answer: 'rebuild' });
  await lost.write('c');
  assert.equal((await lost.job.verify()).kind, 'verified');
});

test('a record that was put back meanwhile stays, and the same decision sent again changes nothing', async () => {
  await lost.write('a');
  lost.shell('mv .holdfast ../away');
  const question = await lost.asked();
  lost.shell('mv ../away .holdfast');
  assert.equal((await lost.job.decide(question, { answer: 'rebuild' })).kind, 'world-moved');
  assert.equal(existsSync(lost.at('.holdfast/lost')), false);
  lost.lose();
  const stale = await lost.asked();
  writeFileSync(lost.at('a.txt'), 'what would be taken is another now');
  assert.equal((await lost.job.decide(stale, { answer: 'rebuild' })).kind, 'world-moved');
  assert.equal(existsSync(lost.at('.holdfast/ledger.sqlite')), false);
  const again = await lost.asked();
  const notes = await lost.decide(again, { answer: 'rebuild' });
  const records = chainOf(lost.job.workspace, lost.job.jobId).length;
  assert.deepEqual(await lost.decide(again, { answer: 'rebuild' }), notes);
  assert.equal(chainOf(lost.job.workspace, lost.job.jobId).length, records);
});

function zero(path: string, from: number, to: number): void {
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(to - from), 0, to - from, from);
  closeSync(file);
}

test('of a step that counts as done by the history alone nothing is repeated or left over unsaid', async () => {
  await lost.write('a');
  await lost.write('b');
  lost.lose();
  await lost.decide(await lost.asked(), { answer: 'rebuild' });
  const to = chainOf(lost.job.workspace, lost.job.jobId).findLast(({ kind }) => kind === 'checkpoint')!.seq;
  const unnamed = await lost.job.rewind({ to });
  assert.ok(unnamed.kind === 'refused', JSON.stringify(unnamed));
  assert.match(unnamed.problems.join(), /its record was made anew from the history.*--item 'statements:b=repeat'/);
  assert.equal((await lost.job.rewind({ to, items: { 'statements:b': 'repeat' } })).kind, 'repaired');
  await lost.write('b');
  const { left } = await lost.job.undo();
  assert.deepEqual(
    left.map(({ what }) => what).filter((what) => what.startsWith('step:')),
    ['step:b', 'step:a'],
  );
  assert.equal(existsSync(lost.at('a.txt')), true);
});
