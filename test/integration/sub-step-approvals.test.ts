/** Approvals of several sub-steps at once, without a server: what is asked, and what comes of each answer. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import type { Question } from '../../src/model/question/question.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { forEachStep } from '../../src/model/step/built-in/for-each.ts';
import { questionFrom, questionsFrom } from '../support/questions.ts';
import { failure, SubStepJob } from '../support/sub-step-job.ts';
import { forEachTest } from '../support/tested-job.ts';

const tested = forEachTest(new SubStepJob());

async function asking(ctx: StepContext, name: string): Promise<string> {
  const fn = async (sub: StepContext): Promise<string> => {
    tested.ran.push(name);
    await sub.files.write(`${name}.txt`, name);
    return name;
  };
  return await ctx.step(name, null, fn, { approval: 'before-apply' });
}

function stepsOf(questions: readonly Question[]): readonly string[] {
  return questions.map(({ stepId }) => stepId ?? '').toSorted((a, b) => (a < b ? -1 : 1));
}

test('parallel sub-steps that need approvals ask all at once; each is applied once it is approved', async () => {
  tested.code = (ctx) => Promise.all(['a', 'b', 'c'].map((name) => asking(ctx, name)));
  const asked = await questionsFrom(tested.act());
  assert.deepEqual(stepsOf(asked), ['act:a', 'act:b', 'act:c']);
  // Not the one that was asked first: each can be answered.
  await tested.decide(
    asked.find(({ stepId }) => stepId === 'act:b')!,
    { answer: 'approve' },
  );
  const left = await questionsFrom(tested.act());
  assert.deepEqual(stepsOf(left), ['act:a', 'act:c']);
  assert.deepEqual(
    left.map(({ digest }) => digest).toSorted(),
    asked.flatMap(({ digest, stepId }) => (stepId === 'act:b' ? [] : [digest])).toSorted(),
  );
  assert.deepEqual(
    ['a', 'b', 'c'].map((name) => existsSync(tested.at(`${name}.txt`))),
    [false, true, false],
  );
  for (const question of left) await tested.decide(question, { answer: 'approve' });
  assert.deepEqual(await tested.act(), ['a', 'b', 'c']);
  assert.deepEqual(tested.ran.filter((name) => name !== 'act').toSorted(), ['a', 'b', 'c']);
});

test('one of several that is rejected runs again and asks anew; the others stay as they were asked', async () => {
  tested.code = (ctx) => Promise.all(['a', 'b'].map((name) => asking(ctx, name)));
  const [first, second] = await questionsFrom(tested.act());
  await tested.decide(first!, { answer: 'reject' });
  const again = await questionsFrom(tested.act());
  assert.deepEqual(stepsOf(again), ['act:a', 'act:b']);
  assert.ok(again.some(({ digest }) => digest === second!.digest));
  assert.ok(!again.some(({ digest }) => digest === first!.digest));
});

test('sub-steps in sub-steps that ask are shown with the others', async () => {
  tested.code = (ctx) =>
    Promise.all([
      asking(ctx, 'a'),
      ctx.step('outer', null, (sub) => Promise.all([asking(sub, 'b'), asking(sub, 'c')])),
    ]);
  assert.deepEqual(stepsOf(await questionsFrom(tested.act())), ['act:a', 'act:outer:b', 'act:outer:c']);
});

async function each(names: readonly string[], atOnce = 1): Promise<unknown> {
  const input = { use: 'greet', inputs: names.map((name) => ({ name })), atOnce, approval: 'before-apply' as const };
  return (await tested.job.step(forEachStep, input, { stepId: 'each' })) as unknown;
}

test('items of a list that need approvals ask all at once, also where one runs at a time', async () => {
  const names = Array.from({ length: 40 }, (_, place) => `n${place}`);
  const asked = await questionsFrom(each(names));
  assert.equal(asked.length, 32);
  assert.deepEqual(stepsOf(asked).slice(0, 3), ['each:0', 'each:1', 'each:10']);
  for (const question of asked) await tested.decide(question, { answer: 'approve' });
  const rest = await questionsFrom(each(names));
  assert.equal(rest.length, 8);
  for (const question of rest) await tested.decide(question, { answer: 'approve' });
  assert.equal(((await each(names)) as unknown[]).length, 40);
  assert.equal(tested.ran.length, 40);
});

test('an item that fails beside one that waits for approval is told of once that is answered', async () => {
  tested.put('greet/taken.txt/in-the-way', '');
  const question = await questionFrom(each(['first', 'taken']));
  assert.equal(question.stepId, 'each:0');
  await tested.decide(question, { answer: 'approve' });
  const message = await failure(each(['first', 'taken']), 'step-failed').catch(String);
  assert.match(message, /taken\.txt/);
  assert.equal(tested.text('greet/first.txt'), 'first');
});
