/** Code that doesn't wait for what it calls: a clear failure or nothing lost, and never the end of the worker. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { free, testCommandingJob } from '../support/commanding-job.ts';

const commanding = testCommandingJob();
const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);
before(() => process.on('unhandledRejection', note));
after(() => {
  process.off('unhandledRejection', note);
  assert.deepEqual(unhandled, [], 'a worker would have ended by it');
});

const run = async (code: (ctx: StepContext) => unknown): Promise<unknown> => {
  commanding.code = code;
  return await commanding.job.step(free, {}, { stepId: 'free', maxAttempts: 2 });
};

/** A content that comes in pieces, later. */
function slow(text: string): Readable {
  return Readable.from(
    (async function* () {
      await delay(50);
      yield Buffer.from(text);
    })(),
  );
}

test('a write that the code does not wait for is waited for', async () => {
  await run((ctx) => void ctx.files.write('late.txt', slow('whole')));
  assert.equal(commanding.text('late.txt'), 'whole');
});

test('a failure that nobody takes is the step’s, with the call’s name', async () => {
  await assert.rejects(
    run(async (ctx) => {
      void ctx.files.write('../outside.txt', 'x');
      await delay(20);
    }),
    /Step free does not wait for ctx\.files\.write, which failed: .*Await what the step calls/,
  );
});

test('a failure that the code takes is its own affair, also when it takes it late', async () => {
  await run(async (ctx) => {
    const missing = ctx.files.readText('missing.txt');
    await delay(20);
    await ctx.files.write('found.txt', await missing.catch(() => 'default'));
  });
  assert.equal(commanding.text('found.txt'), 'default');
});

test('what is called after the step’s end does nothing, and ends nobody', async () => {
  let context: StepContext | undefined;
  await run((ctx) => {
    context = ctx;
  });
  void context!.command(['true']);
  void context!.once('late', () => 1);
  await assert.rejects(context!.command(['true']), /has ended; ctx\.command came after its end/);
  await assert.rejects(
    context!.once('later', () => 1),
    /has ended; ctx\.once\("later"\) came after its end/,
  );
  await delay(20);
});

test('a value that is computed on after the step’s end is not recorded', async () => {
  await assert.rejects(
    run((ctx) => void ctx.once('slow', () => delay(50, 1))),
    /does not wait for ctx\.once\('slow'\), which failed: .*after its end/,
  );
});
