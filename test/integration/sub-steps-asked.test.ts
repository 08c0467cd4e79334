/** Sub-steps, without a server: what a person is asked about them, and what comes of the answer. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import type { Question } from '../../src/model/question/question.ts';
import { openTestJob, type TestJob, type TestJobMemory } from '../../src/testing.ts';
import { stepRecordsOf } from '../support/ledger.ts';
import { comparedQuestion, questionFrom } from '../support/questions.ts';
import { act, failure, SubStepJob } from '../support/sub-step-job.ts';
import { forEachTest } from '../support/tested-job.ts';

const tested = forEachTest(new SubStepJob());

test('an approval of a sub-step stops the step around it; once given, what is done is not done again', async () => {
  tested.code = async (ctx) => {
    await tested.write(ctx, 'before');
    const wrote = await ctx.step(
      'asked',
      null,
      async (sub) => {
        tested.ran.push('asked');
        await sub.files.write('asked.txt', 'asked');
        return 'asked';
      },
      { approval: 'before-apply' },
    );
    return [wrote, await tested.write(ctx, 'after')];
  };
  const question = await questionFrom(tested.act());
  assert.equal(question.kind, 'approval');
  assert.equal(question.stepId, 'act:asked');
  assert.deepEqual([existsSync(tested.at('asked.txt')), existsSync(tested.at('after.txt'))], [false, false]);
  await tested.decide(question, { answer: 'approve' });
  assert.deepEqual(await tested.act(), ['asked', 'wrote after']);
  assert.deepEqual(tested.ran, ['act', 'before', 'asked', 'act', 'after']);
});

test('a question ends the attempt even where the code catches it', async () => {
  tested.code = async (ctx) => {
    await ctx
      .step('asked', null, async (sub) => await sub.files.write('asked.txt', 'x'), { approval: 'always' })
      .catch(() => null);
    return await tested.write(ctx, 'on');
  };
  await questionFrom(tested.act());
  assert.equal(existsSync(tested.at('on.txt')), false);
});

/** The step has failed after two sub-steps, whose first file somebody has changed; from then on it does not fail. */
async function questionAboutAnEdit(): Promise<Question> {
  let fails = true;
  tested.code = async (ctx) => {
    await tested.write(ctx, 'one');
    await tested.write(ctx, 'two');
    if (fails) throw new Error('not yet');
    return 'done';
  };
  await failure(tested.act(), 'step-failed');
  tested.put('one.txt', 'by hand');
  fails = false;
  return await comparedQuestion(tested.job);
}

test('what somebody changed between two attempts is asked about, naming the sub-step that wrote it', async () => {
  const question = await questionAboutAnEdit();
  const [finding] = question.findings;
  assert.equal(finding!.resource, 'file:one.txt');
  assert.equal(finding!.recordedBy!.stepId, 'act:one');
  assert.deepEqual(finding!.rerunSteps, ['act']);
  await tested.decide(question, { answer: 'accept' });
  assert.equal(await tested.act(), 'done');
  assert.equal(tested.text('one.txt'), 'by hand');
  assert.deepEqual(tested.ran, ['act', 'one', 'two', 'act']);
});

test('a step that is run again gives its sub-steps a new generation: they are undone, and run anew', async () => {
  const question = await questionAboutAnEdit();
  await tested.decide(question, { answer: 'rerun' });
  assert.equal(existsSync(tested.at('two.txt')), false);
  assert.equal(await tested.act(), 'done');
  assert.deepEqual(tested.ran, ['act', 'one', 'two', 'act', 'one', 'two']);
  const generations = (stepId: string): number[] =>
    stepRecordsOf(tested.job.workspace, tested.job.jobId, stepId).map(({ generation }) => generation);
  assert.deepEqual([generations('act:one'), generations('act:two'), generations('act')], [[0, 1], [0, 1], [1]]);
});

/** As after a reset of the Workflow: a new Run that remembers this. */
async function reset<T>(memory: TestJobMemory, use: (job: TestJob) => Promise<T>): Promise<T> {
  const job = openTestJob({
    ...tested.options(),
    databases: { main: 'sqlite:main.db' },
    workspace: tested.job.workspace,
    resume: memory,
    runId: 'run-after-reset',
    workerId: 'after reset',
  });
  try {
    return await use(job);
  } finally {
    await job.close();
  }
}

test('a Workflow that was reset to after a step knows of its sub-steps, and asks nothing', async () => {
  tested.code = (ctx) => tested.write(ctx, 'one');
  await tested.act();
  assert.equal(await reset(tested.job.memory, (job) => job.step(act, {}, { stepId: 'act' })), 'wrote one');
});

test('a Workflow that was reset to before a step is asked about it once, not for each sub-step', async () => {
  const memory = structuredClone(tested.job.memory);
  tested.code = async (ctx) => [await tested.write(ctx, 'one'), await tested.write(ctx, 'two')];
  await tested.act();
  await reset(memory, async (job) => {
    const question = await questionFrom(job.step(act, {}, { stepId: 'act' }));
    assert.deepEqual(
      question.findings.map(({ resource, kind }) => [resource, kind]),
      [['step:act', 'ahead-after-reset']],
    );
    await job.decide(question, { answer: 'keep' });
    assert.deepEqual(await job.step(act, {}, { stepId: 'act' }), ['wrote one', 'wrote two']);
  });
  assert.deepEqual(tested.ran, ['act', 'one', 'two']);
});

test('of a step that was not finished before a reset its sub-steps are kept together', async () => {
  const memory = structuredClone(tested.job.memory);
  let fails = true;
  tested.code = async (ctx) => {
    const wrote = [await tested.write(ctx, 'one'), await tested.write(ctx, 'two')];
    if (fails) throw new Error('not yet');
    return wrote;
  };
  await failure(tested.act(), 'step-failed');
  fails = false;
  await reset(memory, async (job) => {
    const question = await questionFrom(job.step(act, {}, { stepId: 'act' }));
    assert.deepEqual(
      question.findings.map(({ resource, kind }) => [resource, kind]),
      [['step:act:two', 'ahead-after-reset']],
    );
    assert.match(question.findings[0]!.found.text, /with all sub-steps before it in step act/);
    await job.decide(question, { answer: 'keep' });
    assert.deepEqual(await job.step(act, {}, { stepId: 'act' }), ['wrote one', 'wrote two']);
  });
  assert.deepEqual(tested.ran, ['act', 'one', 'two', 'act']);
});
