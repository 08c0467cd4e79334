/** Sub-steps that are cut off in the middle: what is half applied, in doubt or unawaited, without a server. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { HoldfastError } from '../../src/model/failure.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { openTestJob } from '../../src/testing.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import type { PerformOptions } from '../../src/model/step/step-call.ts';
import { act, failure, SubStepJob } from '../support/sub-step-job.ts';
import { questionFrom } from '../support/questions.ts';
import { forEachTest } from '../support/tested-job.ts';

const tested = forEachTest(new SubStepJob());

/** The disk fails once, when this point is reached. */
function failOnceAt(point: string, code: string): void {
  setFaultHook((reached) => {
    if (reached !== point) return;
    setFaultHook(undefined);
    throw Object.assign(new Error(code), { code, syscall: 'rename' });
  });
}

/** Code that has something else where its sub-step fails. */
const catching = async (ctx: StepContext): Promise<string> => {
  const one = await tested.write(ctx, 'one').catch(() => 'something else');
  await ctx.files.write('outer.txt', one);
  return one;
};

for (const point of ['prepare.files-written', 'applying.after', 'record.before'])
  test(`a disk that fails at ${point} of a sub-step ends the attempt, though the code catches it`, async () => {
    tested.code = async (ctx) => {
      failOnceAt(point, 'EIO');
      return await catching(ctx);
    };
    await failure(tested.act(), 'storage-failed');
    assert.equal(existsSync(tested.at('outer.txt')), false);
    tested.code = catching;
    assert.equal(await tested.act(), 'wrote one');
    assert.equal(tested.text('outer.txt'), 'wrote one');
    assert.equal(tested.recorded('act:one'), 1);
  });

test('a half-applied sub-step that can’t go on is asked about by name, though the code catches it', async () => {
  tested.code = async (ctx) => {
    failOnceAt('commit.file-renamed', 'EACCES');
    return await catching(ctx);
  };
  const question = await questionFrom(tested.act());
  assert.match(question.findings[0]!.found.text, /^permission-denied: Sub-step act:one: Could not rename /);
  assert.deepEqual([existsSync(tested.at('one.txt')), existsSync(tested.at('outer.txt'))], [true, false]);
  tested.code = () => 'another way';
  await tested.decide(question, { answer: 'rerun' });
  assert.equal(await tested.act(), 'another way');
  assert.equal((await tested.job.verify('asked', 'by the test', [])).kind, 'verified');
  assert.equal(existsSync(tested.at('one.txt')), false, 'what was half applied is taken back');
});

/** A call whose first answer is lost. */
function losing(inDoubt: 'repeat' | 'probe'): PerformOptions<string> {
  let calls = 0;
  return {
    request: {},
    inDoubt,
    ...(inDoubt === 'probe' && { probe: () => ({ happened: true, answer: 'found' }) as const }),
    run: ({ key }) => {
      tested.ran.push(`call ${key.slice(0, 8)}`);
      if (++calls === 1) throw new Error('cut off');
      return 'answer';
    },
  };
}

const paying = (call: PerformOptions<string>) => async (ctx: StepContext) =>
  await ctx.step('pay', null, async (sub) => await sub.perform('charge', call)).catch(() => 'something else');

for (const [policy, answer, calls] of [
  ['repeat', 'answer', 2],
  ['probe', 'found', 1],
] as const)
  test(`a call of a sub-step in doubt is settled by the next attempt as its policy says: ${policy}`, async () => {
    tested.code = paying(losing(policy));
    await failure(tested.act(), 'step-failed');
    assert.equal(await tested.act(), answer);
    const made = tested.ran.filter((line) => line.startsWith('call'));
    assert.deepEqual([made.length, new Set(made).size], [calls, 1], 'under one key');
  });

test('a call of a sub-step in doubt is asked about once the attempts of the step around it are used up', async () => {
  tested.code = paying(losing('repeat'));
  const question = await questionFrom(tested.job.run({ stepId: 'act', step: 'act', input: {}, maxAttempts: 1 }));
  assert.deepEqual(
    question.findings.map(({ resource, kind }) => [resource, kind]),
    [['perform:act:pay/charge', 'outcome-unknown']],
  );
});

for (const where of ['its code', 'a sub-step'])
  test(`an attempt that was replaced asks nobody, though ${where} fails for good`, async () => {
    let begun = (): void => undefined;
    let goOn = (): void => undefined;
    const isBegun = new Promise<void>((resolve) => (begun = resolve));
    const mayGoOn = new Promise<void>((resolve) => (goOn = resolve));
    const fail = async (): Promise<never> => {
      begun();
      await mayGoOn;
      throw new HoldfastError('changed-meanwhile', 'its successor has changed the world');
    };
    tested.code = where === 'its code' ? fail : async (ctx) => await ctx.step('one', null, fail);
    const first = tested.act();
    await isBegun;
    tested.code = () => 'done';
    const { memory, workspace } = tested.job;
    const databases = { main: 'sqlite:main.db' };
    const second = openTestJob({ ...tested.options(), databases, workspace, resume: memory, workerId: 'another' });
    try {
      assert.equal(await second.step(act, {}, { stepId: 'act' }), 'done');
      goOn();
      await failure(first, 'fenced');
      assert.equal((await second.verify()).kind, 'verified');
    } finally {
      await second.close();
    }
  });
