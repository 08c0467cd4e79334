/** How an attempt lets go of its token, and a job of its workspace: only a lost worker is taken for one. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import { HoldfastError, isFailure } from '../../src/model/failure.ts';
import { tokenOf } from '../../src/model/record/token.ts';
import type { ClaimRow } from '../../src/store/ledger/claims.ts';
import { free, testCommandingJob } from '../support/commanding-job.ts';
import { readLedger } from '../support/ledger.ts';
import { questionFrom } from '../support/questions.ts';

const commanding = testCommandingJob();
const REQUEST = { stepId: 'free', step: 'free', input: {} };

function claim(stepId = 'free'): ClaimRow {
  const { workspace, jobId } = commanding.job;
  return readLedger(workspace, (ledger) => ledger.claim(tokenOf({ jobId, stepId, generation: 0 }))!);
}

const step = (stepId: string, maxAttempts: number): Promise<unknown> =>
  commanding.job.step(free, {}, { stepId, maxAttempts });

test('an attempt that fails closes its claim, whatever it failed by; the next needs no comparison', async () => {
  const failures: readonly (readonly [string, () => Promise<void>, number])[] = [
    ['its code throws', () => Promise.reject(new Error('no')), 1],
    ['what may pass', () => Promise.reject(new HoldfastError('endpoint-unreachable', 'away')), 1],
    ['its limit', () => delay(5_000), 2],
  ];
  await commanding.job.verify();
  for (const [index, [how, code, counted]] of failures.entries()) {
    commanding.code = code;
    await assert.rejects(commanding.job.ask({ ...REQUEST, maxAttempts: 9, timeoutMs: 100 }), HoldfastError, how);
    const { state, attempts, failures: count } = claim();
    assert.deepEqual([how, state, attempts, count], [how, 'closed', index + 1, counted]);
  }
  commanding.code = () => ({});
  assert.equal((await commanding.job.ask({ ...REQUEST, maxAttempts: 9 })).kind, 'done');
  assert.equal(claim().state, 'done');
  commanding.code = () => Promise.reject(new Error('no'));
  await questionFrom(step('asked', 1));
  assert.equal(claim('asked').state, 'closed', 'a person is asked');
});

test('an attempt that was overtaken does not close the claim of the one that has its token', async () => {
  await commanding.job.verify();
  const fails: (() => void)[] = [];
  commanding.code = () =>
    new Promise((_, reject) => fails.push(() => reject(new Error(`attempt ${fails.length} fails`))));
  const ask = (): Promise<string> =>
    commanding.job.ask({ ...REQUEST, maxAttempts: 9 }).then(
      ({ kind }) => kind,
      (error: unknown) => (isFailure(error) ? error.type : String(error)),
    );
  const first = ask();
  while (fails.length < 1) await delay(5);
  const { nonce } = claim();
  // Found open, it is taken for a lost worker's, once: after a comparison another attempt takes it.
  assert.equal(await ask(), 'verification-required');
  await commanding.job.verify();
  const second = step('free', 9).catch((error: Error) => error.message);
  while (fails.length < 2) await delay(5);
  fails[0]!();
  assert.equal(await first, 'step-failed');
  assert.notEqual(claim().nonce, nonce);
  assert.equal(claim().state, 'open');
  fails[1]!();
  await second;
  assert.equal(claim().state, 'closed');
});

test('a job that ends takes contents with it that a dead writer left half written, and no young ones', async () => {
  commanding.code = (ctx) => ctx.files.write('large.bin', Buffer.alloc(300_000, 1));
  await step('free', 1);
  const folder = commanding.at('.holdfast/blobs/tmp');
  mkdirSync(folder, { recursive: true });
  for (const name of ['old', 'young']) writeFileSync(`${folder}/${name}`, 'half');
  utimesSync(`${folder}/old`, 0, 0);
  await commanding.job.release();
  assert.deepEqual(readdirSync(folder), ['young']);
});
