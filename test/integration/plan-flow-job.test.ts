/** Conditions, rounds and automatic resumes of a plan on a real server: new Runs in between, aborts, undoing. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import * as z from 'zod';
import { defineStep, implementStep } from '../../src/index.ts';
import { failsOnce, resumes } from '../support/any-options-workflow.ts';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-plan-flow-'));
after(() => rmSync(root, { recursive: true, force: true }));

const draft = defineStep({
  name: 'draft',
  input: z.strictObject({ round: z.int(), score: z.number() }),
  output: z.strictObject({ score: z.number() }),
});
const fails = defineStep({ name: 'fails', input: z.strictObject({}), output: z.strictObject({}) });
const ran: string[] = [];
let tries = 0;

testWorker(temporal, {
  taskQueue,
  root,
  workflows: new URL('../support/any-options-workflow.ts', import.meta.url).pathname,
  steps: [
    implementStep(failsOnce, () => {
      tries += 1;
      if (tries === 1) throw new Error('not yet');
      return { tries };
    }),
    implementStep(draft, async (ctx, { round, score }) => {
      ran.push(`${ctx.jobId.split('@')[0]} ${ctx.stepId}`);
      await ctx.files.write(`draft-${round}.txt`, ctx.stepId);
      return { score: score + round };
    }),
    implementStep(fails, (ctx) => {
      ran.push(`${ctx.jobId.split('@')[0]} ${ctx.stepId}`);
      throw new Error('never');
    }),
  ],
});

async function start(steps: readonly Record<string, unknown>[], more: Readonly<Record<string, unknown>> = {}) {
  const workspace = temporal.unique('flow');
  const plan = {
    schemaVersion: 1,
    name: 'flow',
    workspace,
    input: { type: 'object', properties: { amount: { type: 'integer', default: 7 } } },
    state: { scores: { reducer: 'append' } },
    steps,
  };
  const handle = await temporal.client.workflow.start('agentJob', {
    taskQueue,
    workflowId: workspace,
    args: [{ plan, ...more }],
  });
  return {
    handle,
    at: (place: string): string => join(root, workspace, place),
    ran: (): readonly string[] =>
      ran.flatMap((one) => (one.startsWith(`${workspace} `) ? [one.slice(workspace.length + 1)] : [])),
  };
}

const rounds = (more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  id: 'draft',
  use: 'draft',
  with: { round: '${{ round }}', score: 0 },
  until: { ge: ['${{ output.score }}', 3] },
  maxRounds: 5,
  state: { scores: '${{ output.score }}' },
  ...more,
});

const write = (id: string, when: unknown): Record<string, unknown> => ({
  id,
  use: 'file.write',
  when,
  with: { path: `${id}.txt`, content: id },
});

test('each operator of a condition decides what runs, and what is skipped says why', async () => {
  const amount = '${{ input.amount }}';
  const holding = {
    eq: { eq: [amount, 7] },
    ne: { ne: [amount, 8] },
    gt: { gt: [amount, 6] },
    ge: { ge: [amount, 7] },
    lt: { lt: [amount, 8] },
    le: { le: [amount, 7] },
    in: { in: [amount, [6, 7]] },
    exists: { exists: '${{ input.amount }}' },
    and: { and: [{ eq: [amount, 7] }, { lt: [amount, 8] }] },
    or: { or: [{ eq: [amount, 8] }, { lt: [amount, 8] }] },
    not: { not: { eq: [amount, 8] } },
  };
  const job = await start([
    ...Object.entries(holding).map(([id, when]) => write(id, when)),
    write('none', { gt: [amount, 7] }),
    { id: 'follows', use: 'file.write', needs: ['none'], with: { path: 'follows.txt', content: '' } },
    {
      id: 'anyway',
      use: 'file.write',
      needs: ['none'],
      onSkipped: 'run',
      with: { path: 'anyway.txt', content: 'x' },
    },
  ]);
  const { skipped } = (await job.handle.result()) as { readonly skipped?: readonly string[] };
  assert.deepEqual(skipped, ['none', 'follows']);
  const status = await untilStatus(job.handle, ({ state }) => state === 'completed');
  assert.deepEqual(
    status.steps.flatMap(({ id, state, effects }) => (state === 'skipped' ? [[id, effects]] : [])),
    [
      ['none', 'when: ${{ input.amount }} (7) is not greater than 7'],
      ['follows', 'it needs none, which was skipped'],
    ],
  );
  for (const id of [...Object.keys(holding), 'anyway']) assert.ok(existsSync(job.at(`${id}.txt`)), id);
});

test('rounds go on in new Runs, none is lost or repeated, and all are undone with the job', async () => {
  const stop = { id: 'stop', use: 'file.write', needs: ['draft'], with: { path: 'stop.txt', content: '' } };
  const job = await start(
    [
      rounds({
        until: { and: [{ ge: ['${{ output.score }}', 12] }, { eq: ['${{ round }}', 12] }] },
        maxRounds: 20,
      }),
      { ...stop, approval: 'before-apply' },
    ],
    { continueAsNewAfterEvents: 40 },
  );
  const first = await job.handle.describe();
  const approval = await untilAsked(job.handle);
  assert.notEqual((await job.handle.describe()).runId, first.runId, 'it is in another Run');
  assert.deepEqual(
    job.ran(),
    Array.from({ length: 12 }, (_, place) => `draft#${place + 1}`),
  );
  const status = await untilStatus(job.handle, () => true);
  assert.deepEqual(status.items, [{ stepId: 'draft', done: 12, total: 20, rounds: true }]);
  assert.equal(status.planned, 13);
  await decide(job.handle, approval.digest, { answer: 'abort', compensate: true });
  await assert.rejects(job.handle.result());
  for (let round = 1; round <= 12; round++) assert.equal(existsSync(job.at(`draft-${round}.txt`)), false, `${round}`);
});

test('at the bound of the rounds a person is asked, and `rerun` begins them anew', async () => {
  const score = '${{ output.score }}';
  const job = await start([
    rounds({
      until: {
        or: [
          { not: { exists: score } },
          { not: { le: [score, 9] } },
          { in: [score, [8]] },
          { lt: [score, 0] },
          { gt: [score, 9] },
          { ne: ['${{ state.scores }}', '${{ state.scores }}'] },
        ],
      },
      maxRounds: 2,
    }),
  ]);
  const question = await untilAsked(job.handle);
  assert.match(question.findings[0]!.found.text, /^rounds-used-up: Step "draft" has run 2 rounds/);
  assert.deepEqual(question.findings[0]!.rerunSteps, ['draft#1', 'draft#2']);
  await decide(job.handle, question.digest, { answer: 'rerun' });
  const again = await untilStatus(job.handle, ({ questions }) =>
    questions.some(({ digest }) => digest !== question.digest),
  );
  assert.deepEqual(job.ran(), ['draft#1', 'draft#2', 'draft#1', 'draft#2']);
  await decide(job.handle, again.questions[0]!.digest, { answer: 'abort' });
  await assert.rejects(job.handle.result());
});

test('a step that rests before it resumes is shown with its failure, and an abort ends the rest', async () => {
  const resume = { atMost: 2, afterSeconds: 3_600 };
  const job = await start([{ id: 'fails', use: 'fails', retry: { maxAttempts: 1 }, resume }]);
  const { steps, resumed } = await untilStatus(job.handle, (status) => status.resumed !== undefined);
  assert.match(steps[0]!.effects, /^resume 1 of at most 2 at 2/);
  assert.deepEqual(
    resumed!.map(({ stepId, number, atMost, failure }) => [stepId, number, atMost, failure.message]),
    [['fails', 1, 2, 'Step fails failed: Error: never']],
  );
  assert.ok(Date.parse(resumed![0]!.resumesAt!) > Date.now() + 3_000_000);
  await job.handle.signal('abort', { by: 'ada', reason: 'over' });
  await assert.rejects(job.handle.result());
});

test('a step of a Workflow of one’s own resumes by itself as its options say', async () => {
  const workspace = temporal.unique('flow');
  const handle = await temporal.client.workflow.start(resumes, { workflowId: workspace, taskQueue, args: [workspace] });
  assert.equal(await handle.result(), 2);
  const { resumed } = await untilStatus(handle, () => true);
  assert.deepEqual(
    resumed?.map(({ stepId, number, atMost }) => [stepId, number, atMost]),
    [['fails-once', 1, 1]],
  );
});

async function decide(
  handle: WorkflowHandle,
  digest: string,
  answer: Readonly<Record<string, unknown>>,
): Promise<void> {
  await handle.executeUpdate('decide', { args: [{ digest, by: 'ada', reason: 'as I saw it', ...answer }] });
}
