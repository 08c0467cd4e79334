/** A person ends a job while something is under way: it ends at once, and nothing of it is lost on the way. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import * as z from 'zod';
import type { JobStatus } from '../../src/model/job/status.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { defineStep, implementStep, openTestJob, QuestionAsked } from '../../src/testing.ts';
import { decision, write } from '../replay/scenario.ts';
import { whileHeldAt } from '../support/held.ts';
import { statusOf, untilAsked, untilStatus } from '../support/job-status.ts';
import { questionFrom } from '../support/questions.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-abort-'));
const workflows = new URL('../replay/own-workflows.ts', import.meta.url).pathname;
testWorker(temporal, { taskQueue, root, workflows });
afterEach(() => setFaultHook(undefined));
after(() => rmSync(root, { recursive: true, force: true }));

const ABORT = { by: 'ada@example.com', reason: 'enough' };
const shown = { ...write('shown'), approval: 'before-apply' };
const AT_ONCE_MS = 6_000;

interface Started {
  readonly handle: WorkflowHandle;
  readonly workspace: string;
  readonly at: (path: string) => string;
}

async function start(workflow: string, given: Record<string, unknown>): Promise<Started> {
  const workspace = temporal.unique('workspace');
  mkdirSync(join(root, workspace));
  const workflowId = temporal.unique('job');
  await temporal.client.workflow.start(workflow, { workflowId, taskQueue, args: [{ ...given, workspace }] });
  const handle = temporal.client.workflow.getHandle(workflowId);
  return { handle, workspace, at: (path) => join(root, workspace, path) };
}

async function startPlan(steps: readonly unknown[], given: Record<string, unknown> = {}): Promise<Started> {
  const plan = { schemaVersion: 1, name: 'abort', workspace: 'unused', steps };
  return await start('agentJob', { ...given, plan });
}

const untilDone = async ({ handle }: Started, stepId: string): Promise<JobStatus> =>
  await untilStatus(handle, ({ steps }) => steps.some(({ id, state }) => id === stepId && state === 'done'));

async function endsAtOnce({ handle }: Started, expected: RegExp): Promise<void> {
  const startedMs = Date.now();
  await assert.rejects(handle.result(), (error: Error) => {
    const cause = error.cause instanceof Error ? error.cause : error;
    assert.match(`${cause.message}`, expected);
    return true;
  });
  assert.ok(Date.now() - startedMs < AT_ONCE_MS, `it took ${Date.now() - startedMs} ms`);
}

test('the answer abort ends what runs beside the question, and waits; nothing more is applied', async () => {
  const job = await startPlan([
    shown,
    { id: 'nap', use: 'wait', with: { seconds: 600 } },
    { id: 'late', use: 'command', with: { run: 'sleep 30; echo late > late.txt', shell: true, paths: ['late.txt'] } },
  ]);
  const question = await untilAsked(job.handle);
  await job.handle.executeUpdate('decide', { args: [decision(question.digest, 'abort')] });
  await endsAtOnce(job, /^Aborted by someone@example.com/);
  assert.equal(existsSync(job.at('late.txt')), false);
  const { state, steps } = await statusOf(job.handle);
  assert.equal(state, 'aborted');
  assert.deepEqual(
    steps.filter((step) => step.id !== 'nap').map((step) => `${step.id} ${step.state}`),
    ['shown stopped', 'late stopped'],
  );
});

test('from the answer abort on the ledger takes nothing of the job, whoever brings it', async () => {
  const asks = defineStep({ name: 'asks', input: z.object({}), output: z.object({}) });
  const lags = defineStep({ name: 'lags', input: z.object({}), output: z.object({}) });
  let isAborted = (): void => undefined;
  const aborted = new Promise<void>((resolve) => (isAborted = resolve));
  const workspace = mkdtempSync(join(root, 'direct-'));
  const job = openTestJob({
    workspace,
    steps: [
      implementStep(asks, async (ctx) => {
        await ctx.files.write('asks.txt', 'x');
        return {};
      }),
      implementStep(lags, async (ctx) => {
        await ctx.files.write('lags.txt', 'x');
        await aborted;
        return {};
      }),
    ],
  });
  const question = await questionFrom(job.step(asks, {}, { stepId: 'asks', approval: 'before-apply' }));
  const lagging = job.step(lags, {}, { stepId: 'lags' }).then(
    () => 'applied',
    (error: Error) => error.message,
  );
  await delay(100);
  const result = await job.decide(question, { answer: 'abort' });
  assert.equal(result.kind, 'repaired');
  isAborted();
  assert.notEqual(await lagging, 'applied');
  await assert.rejects(
    job.step(lags, {}, { stepId: 'another' }),
    /does not run any more: a person has aborted the job/,
  );
  assert.deepEqual([existsSync(join(workspace, 'asks.txt')), existsSync(join(workspace, 'lags.txt'))], [false, false]);
  await job.close();
});

test('an abort cancels a repair that cannot be completed, and the release names the decision', async () => {
  const job = await startPlan([shown]);
  const question = await untilAsked(job.handle);
  await whileHeldAt(
    'repair.record-before',
    () => job.handle.signal('decide', decision(question.digest, 'approve')),
    async () => {
      await job.handle.signal('abort', ABORT);
      await endsAtOnce(job, /^Aborted by ada@example.com/);
    },
  );
  const { ending, refusals } = await statusOf(job.handle);
  assert.match(ending?.join() ?? '', /was begun and is not carried to its end/);
  assert.match(refusals[0]?.problems.join() ?? '', /the job was aborted meanwhile/);
  assert.equal(existsSync(job.at('shown.txt')), false);
});

test('the answer abort takes the place of a decision that cannot be completed; the record says both', async () => {
  const workspace = mkdtempSync(join(root, 'instead-'));
  const step = defineStep({ name: 'writes', input: z.object({}), output: z.object({}) });
  const code = implementStep(step, async (ctx) => {
    await ctx.files.write('a.txt', 'x');
    return {};
  });
  const job = openTestJob({ workspace, steps: [code] });
  await job.step(step, {}, { stepId: 'first' });
  writeFileSync(join(workspace, 'a.txt'), 'edited');
  const result = await job.verify();
  assert.ok(result.kind === 'question');
  const { question } = result;
  setFaultHook((point) => {
    if (point === 'repair.record-before') throw new Error('cannot be completed');
  });
  await assert.rejects(job.decide(question, { answer: 'accept' }));
  setFaultHook(undefined);
  const other = await job.decide(question, { answer: 'restore', reason: 'another' });
  assert.ok(other.kind === 'refused' && other.isSettled !== true, JSON.stringify(other));
  const aborted = await job.decide(question, { answer: 'abort' });
  assert.ok(aborted.kind === 'repaired', JSON.stringify(aborted));
  assert.deepEqual(aborted.answers, ['abort']);
  assert.match(aborted.notes.join(), /was begun and is not carried to its end/);
  await assert.rejects(job.step(step, {}, { stepId: 'second' }), (error) => !(error instanceof QuestionAsked));
  await job.close();
});

for (const [how, end, expected] of [
  ['an abort', (handle: WorkflowHandle) => handle.signal('abort', ABORT), /^Aborted by ada@example.com/],
  ['a cancellation', (handle: WorkflowHandle) => handle.cancel(), /cancell?ed/i],
] as const)
  test(`${how} ends a job that waits to start anew; there is no new Run`, async () => {
    const job = await start('restartsWhileAStepWaits', {});
    await untilAsked(job.handle);
    await untilDone(job, 'quick');
    const { runId } = await job.handle.describe();
    await end(job.handle);
    await endsAtOnce(job, expected);
    assert.equal((await job.handle.describe()).runId, runId);
    assert.equal(existsSync(job.at('shown.txt')), false);
  });

test('an undoing that a new Run carries on is ended by an abort, and by no second one with compensate', async () => {
  const pause = { id: 'pause', use: 'wait', with: { seconds: 600 }, needs: ['c'] };
  const job = await startPlan([write('a'), write('b', ['a']), write('c', ['b']), pause], {
    continueAsNewAfterEvents: 44,
  });
  await untilDone(job, 'c');
  const { runId } = await job.handle.describe();
  writeFileSync(job.at('a.txt'), 'edited');
  await job.handle.signal('abort', { ...ABORT, compensate: true });
  await untilAsked(job.handle);
  assert.notEqual((await job.handle.describe()).runId, runId, 'a new Run carries it on');
  await job.handle.signal('abort', { ...ABORT, compensate: true });
  const { refusals } = await untilStatus(job.handle, (status) => status.refusals.length > 0);
  assert.match(refusals[0]!.problems.join(), /is being undone already/);
  await job.handle.signal('abort', ABORT);
  await endsAtOnce(job, /It was not undone to the end: Aborted by ada@example.com/);
});

test('an undoing outlives a cancellation: what it asks is still answered', async () => {
  const job = await startPlan([write('a'), { ...shown, needs: ['a'] }]);
  await untilAsked(job.handle);
  writeFileSync(job.at('a.txt'), 'edited');
  await job.handle.signal('abort', { ...ABORT, compensate: true });
  const { questions } = await untilStatus(job.handle, (status) => status.questions[0]?.kind === 'undo');
  await job.handle.cancel();
  await delay(300);
  await job.handle.executeUpdate('decide', { args: [decision(questions[0]!.digest, 'skip')] });
  await endsAtOnce(job, /Undone: .*Not undone: file:a.txt/);
});

test('an abort that comes while the job ends is refused with the reason, and so is a decision', async () => {
  const job = await startPlan([shown]);
  const question = await untilAsked(job.handle);
  await whileHeldAt(
    'release.before',
    () => job.handle.signal('abort', ABORT),
    async () => {
      await job.handle.signal('abort', { ...ABORT, by: 'bob@example.com' });
      await job.handle.signal('decide', decision(question.digest, 'approve'));
      await assert.rejects(job.handle.executeUpdate('decide', { args: [decision(question.digest, 'approve')] }));
    },
  );
  await endsAtOnce(job, /^Aborted by ada@example.com/);
  const { refusals } = await statusOf(job.handle);
  assert.deepEqual(
    refusals.map(({ problems }) => problems.join()),
    ['the job is ending already', 'the job is ending already'],
  );
});

test('a cancellation that comes while the workspace is given back does not keep it', async () => {
  const job = await start('endsAfterAScopeWithALimit', {});
  await whileHeldAt(
    'release.before',
    () => Promise.resolve(),
    () => job.handle.cancel(),
  );
  await job.handle.result();
  const plan = { schemaVersion: 1, name: 'next', workspace: 'unused', steps: [write('next')] };
  const args = [{ plan, workspace: job.workspace }];
  const workflowId = temporal.unique('next');
  await temporal.client.workflow.execute('agentJob', { workflowId, taskQueue, args });
  assert.ok(existsSync(job.at('next.txt')), 'the next job has it without a question');
});

test('what could not be used is still shown in the next Run', async () => {
  const job = await startPlan([write('a'), write('b', ['a']), { ...shown, needs: ['b'] }], {
    continueAsNewAfterEvents: 20,
  });
  await job.handle.signal('decide', { by: 'ada@example.com', nonsense: true });
  const { runId } = await job.handle.describe();
  const question = await untilAsked(job.handle);
  assert.notEqual((await job.handle.describe()).runId, runId);
  const { refusals } = await statusOf(job.handle);
  assert.deepEqual(
    refusals.map(({ by }) => by),
    ['ada@example.com'],
  );
  await job.handle.executeUpdate('decide', { args: [decision(question.digest, 'approve')] });
  await job.handle.result();
});

test('whose scope is cancelled alone leaves a shared comparison to the others', async () => {
  const job = await start('givesUpOneOfTwo', {});
  await delay(700);
  await whileHeldAt(
    'verify.compared',
    () => Promise.resolve(),
    () => job.handle.signal('give-up'),
  );
  assert.equal(await job.handle.result(), 'a rejected, b fulfilled');
  assert.deepEqual([existsSync(job.at('a.txt')), existsSync(job.at('b.txt'))], [false, true]);
});
