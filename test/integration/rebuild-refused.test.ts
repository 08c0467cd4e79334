/** A lost record that can't be made anew: the question says why, offers no rebuild, and nothing is made. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { LostJob } from '../support/lost-job.ts';
import { comparedQuestion } from '../support/questions.ts';
import { sealAll } from '../support/stored-job.ts';
import { forEachTest } from '../support/tested-job.ts';

const lost = forEachTest(new LostJob());

/** Looked at twice: what is asked again is the same. */
async function refusedFor(why: RegExp): Promise<void> {
  const question = await comparedQuestion(lost.job);
  const [finding] = question.findings;
  assert.deepEqual([finding!.kind, finding!.answers], ['ledger-missing', ['recheck', 'abort']]);
  assert.match(finding!.difference, /^It can't be made anew: /);
  assert.match(finding!.difference, why);
  const decided = await lost.job.decide(question, { answer: 'rebuild' });
  assert.ok(decided.kind === 'refused', JSON.stringify(decided));
  assert.equal(existsSync(lost.at('.holdfast/ledger.sqlite')), false);
  assert.equal(existsSync(lost.at('.holdfast/lost')), false);
}

/** Once it is mended the same question offers it. */
async function offered(): Promise<void> {
  await lost.decide(await lost.asked(), { answer: 'rebuild' });
  await lost.write('z');
  assert.equal((await lost.job.verify()).kind, 'verified');
}

test('a database that can’t be looked at: nobody knows what it has committed', async () => {
  await lost.write('a');
  await lost.say('s');
  lost.lose();
  renameSync(lost.at('main.db'), lost.at('away.db'));
  mkdirSync(lost.at('main.db'));
  await refusedFor(/what its databases have committed can't be seen: .*main/);
  rmSync(lost.at('main.db'), { recursive: true });
  renameSync(lost.at('away.db'), lost.at('main.db'));
  await offered();
  assert.equal(lost.said, 1);
});

test('a store that can’t be opened: the worker lacks its variable', async () => {
  await lost.job.close();
  const { memory } = lost.job;
  lost.open({ store: '${{ env.NOWHERE }}' }, memory);
  await lost.write('a').catch(() => undefined);
  lost.lose();
  await refusedFor(/the store of its checkpoints can't be opened: .*NOWHERE/);
});

test('a store that has nothing of the job: it is said before the history alone is taken', async () => {
  await lost.job.close();
  const store = join(lost.folder, 'store');
  lost.open({ store });
  await lost.write('a');
  await lost.write('b');
  await sealAll(lost.job, store);
  lost.lose();
  renameSync(store, `${store}-away`);
  const question = await lost.asked();
  assert.match(
    question.findings[0]!.difference,
    /^its store .*\/store has no checkpoint of it: .* put it back, then answer recheck/,
  );
  renameSync(`${store}-away`, store);
  assert.equal((await lost.job.decide(question, { answer: 'rebuild' })).kind, 'world-moved');
  assert.equal(existsSync(lost.at('.holdfast/ledger.sqlite')), false);
  await offered();
});

test('a store of another history: it says which record differs', async () => {
  await lost.job.close();
  const store = join(lost.folder, 'store');
  const { memory } = lost.job;
  lost.open({ store }, memory);
  await lost.write('a');
  await lost.write('b');
  // The same job, begun a second time elsewhere, does something else.
  const other = new LostJob();
  other.begin();
  try {
    await other.job.close();
    other.open({ store: `${store}-other` }, memory);
    await other.write('a', 'something else\n');
    await other.write('b');
    await sealAll(other.job, `${store}-other`);
    lost.lose();
    rmSync(store, { recursive: true });
    renameSync(`${store}-other`, store);
    await refusedFor(/the store's record \d+ is not the one that the job went on with/);
  } finally {
    await other.job.close();
    rmSync(other.folder, { recursive: true });
  }
});

test('a job that is being undone: how far that had come is in the lost record alone', async () => {
  await lost.write('a');
  await lost.write('b');
  setFaultHook((point) => {
    if (point === 'commit.file-captured') throw new Error('killed');
  });
  await assert.rejects(lost.job.undo(), /killed/);
  setFaultHook(undefined);
  lost.lose();
  await refusedFor(/the job is being undone, and how far that had come is in the lost record alone/);
});

test('checkpoints of which none can be read, and no history: nothing is taken for a beginning', async () => {
  await lost.job.close();
  const store = join(lost.folder, 'store');
  lost.open({ store });
  await lost.write('a');
  await lost.write('b');
  await sealAll(lost.job, store);
  const opened = openStore(store);
  for (const seq of await opened.generations(lost.job.jobId))
    writeFileSync(opened.where(lost.job.jobId, seq), 'not a checkpoint');
  await opened.close();
  lost.lose();
  const question = await lost.asked();
  assert.match(question.findings[0]!.found.text, /Only Temporal's history has the job: the results of 2 steps/);
  assert.match(question.findings[0]!.difference, /not used: checkpoint \d+ can't be read, and is set aside/);
});
