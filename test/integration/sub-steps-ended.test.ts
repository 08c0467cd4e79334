/** Sub-steps that end otherwise than they were meant to: not waited for, past their time. Without a server. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { questionFrom } from '../support/questions.ts';
import { failure, SubStepJob } from '../support/sub-step-job.ts';
import { forEachTest } from '../support/tested-job.ts';

const tested = forEachTest(new SubStepJob());

/** Code that ignores its signal. */
const slow = async (sub: StepContext): Promise<string> => {
  await delay(150);
  await sub.files.write('slow.txt', 'slow');
  return 'slow';
};

test('a sub-step that the code does not wait for is waited for, and is recorded before the code is', async () => {
  tested.code = async (ctx) => {
    void ctx.step('slow', null, slow);
    await ctx.files.write('outer.txt', 'outer');
    return 'outer';
  };
  assert.equal(await tested.act(), 'outer');
  assert.deepEqual([tested.text('slow.txt'), tested.text('outer.txt')], ['slow', 'outer']);
  assert.deepEqual([tested.recorded('act:slow'), tested.recorded('act')], [1, 1]);
});

test('a sub-step that fails, and that the code does not wait for, fails the step; nothing is applied', async () => {
  tested.code = async (ctx) => {
    void ctx.step('slow', null, async () => {
      await delay(20);
      throw new Error('out of paper');
    });
    await ctx.files.write('outer.txt', 'outer');
  };
  const message = await failure(tested.act(), 'step-failed');
  assert.match(
    message,
    /^Step act does not wait for ctx\.step\('slow'\), which failed: .*act:slow.*out of paper\. Await/,
  );
  assert.deepEqual([existsSync(tested.at('outer.txt')), tested.recorded('act')], [false, 0]);
});

test('a question of a sub-step that the code does not wait for is asked', async () => {
  tested.code = async (ctx) => {
    void ctx.step('slow', null, slow, { approval: 'before-apply' });
    await ctx.files.write('outer.txt', 'outer');
  };
  const { kind, stepId } = await questionFrom(tested.act());
  assert.deepEqual([kind, stepId], ['approval', 'act:slow']);
  assert.deepEqual([existsSync(tested.at('slow.txt')), existsSync(tested.at('outer.txt'))], [false, false]);
});

test('a sub-step whose own time is over fails by its name and applies nothing, and the code may go on', async () => {
  tested.code = async (ctx) => {
    const told = await ctx.step('slow', null, slow, { timeoutMs: 30 }).catch((error: Error) => error.message);
    await delay(200);
    await ctx.files.write('outer.txt', told);
    return told;
  };
  assert.equal(await tested.act(), 'Step act:slow did not end within 30 ms.');
  assert.deepEqual([existsSync(tested.at('slow.txt')), tested.recorded('act:slow')], [false, 0]);
  assert.equal(tested.text('outer.txt'), 'Step act:slow did not end within 30 ms.');
});

test('a sub-step has no more time than the step around it, whatever it is given', async () => {
  tested.code = async (ctx) => await ctx.step('slow', null, slow, { timeoutMs: 60_000 });
  const work = tested.job.run({ stepId: 'act', step: 'act', input: {}, maxAttempts: 1, timeoutMs: 50 });
  const { findings } = await questionFrom(work);
  assert.match(findings[0]!.found.text, /^step-timeout: Step act did not end within 50 ms/);
  await delay(200);
  assert.deepEqual([existsSync(tested.at('slow.txt')), tested.recorded('act:slow')], [false, 0]);
});
