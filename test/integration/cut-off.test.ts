/** Code whose attempt is cut off, and which goes on as if nothing were: nothing of it reaches the world. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import { isFailure } from '../../src/model/failure.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { free, testCommandingJob } from '../support/commanding-job.ts';
import { readLedger, stepRecordsOf } from '../support/ledger.ts';
import { untilTrue } from '../support/until.ts';

const commanding = testCommandingJob();
const LIMIT_MS = 150;

/** How many of the calls went well. */
async function countMade(calls: readonly (() => unknown)[]): Promise<number> {
  let count = 0;
  for (const call of calls) {
    try {
      await call();
      count += 1;
    } catch {
      // Refused, as it should be.
    }
  }
  return count;
}

async function cutOff(code: (ctx: StepContext) => Promise<unknown>): Promise<void> {
  let isOver = false;
  commanding.code = async (ctx) => {
    try {
      return await code(ctx);
    } finally {
      isOver = true;
    }
  };
  await assert.rejects(
    commanding.job.step(free, {}, { stepId: 'free', timeoutMs: LIMIT_MS, maxAttempts: 9 }),
    (error) => isFailure(error, 'step-timeout'),
  );
  await untilTrue(() => isOver);
}

test('code that swallows the abort and goes on makes no call, and nothing of it is applied', async () => {
  const made: string[] = [];
  let count: number | undefined;
  await cutOff(async (ctx) => {
    await ctx.files.write('before.txt', 'staged before');
    const atOnce = (): void =>
      void ctx.perform('at-once', { request: {}, run: () => made.push('at once') }).catch(() => undefined);
    ctx.signal.addEventListener('abort', atOnce, { once: true });
    await delay(10_000, undefined, { signal: ctx.signal }).catch(() => undefined);
    count = await countMade([
      () => ctx.command(`touch ${commanding.at('outside.txt')}`, { shell: true }),
      () => ctx.command(['touch', 'in-place.txt'], { inPlace: true }),
      () => ctx.perform('call', { request: {}, run: () => made.push('call') }),
      () => ctx.once('value', () => made.push('once')),
      () => ctx.files.write('after.txt', 'staged after'),
    ]);
    return { swallowed: true };
  });
  assert.deepEqual([made, count], [[], 0]);
  for (const file of ['before.txt', 'outside.txt', 'in-place.txt', 'after.txt'])
    assert.equal(existsSync(commanding.at(file)), false, file);
  assert.deepEqual(stepRecordsOf(commanding.job.workspace, commanding.job.jobId, 'free'), []);
  commanding.code = (ctx) => ctx.files.write('again.txt', 'x');
  await commanding.job.step(free, {}, { stepId: 'free' });
  assert.equal(commanding.text('again.txt'), 'x', 'the next attempt has a claim of its own');
});

test('code that returns after it was cut off is not recorded as done, nor is what it does not wait for', async () => {
  await cutOff(async (ctx) => {
    const { signal } = ctx;
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    return { late: true };
  });
  await cutOff(async (ctx) => {
    void ctx.once('slow', () => delay(2 * LIMIT_MS, 1)).catch(() => undefined);
    await Promise.resolve();
    return { early: true };
  });
  await cutOff(async (ctx) => {
    void ctx.command(['sleep', '30'], { killGraceMs: 50 }).catch(() => undefined);
    await Promise.resolve();
    return { early: true };
  });
  await delay(LIMIT_MS);
  const { workspace, jobId } = commanding.job;
  assert.deepEqual(stepRecordsOf(workspace, jobId, 'free'), []);
  assert.deepEqual(
    readLedger(workspace, (ledger) => ledger.openIntents(jobId)),
    [],
  );
});
