/** Sub-steps of a job on a real server: what is seen of them while they run, and what is asked. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as z from 'zod';
import { connectHoldfast, type HoldfastClient } from '../../src/client.ts';
import { defineStep, implementStep } from '../../src/index.ts';
import type { Question } from '../../src/model/question/question.ts';
import { cli } from '../support/cli-terminal.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilFound, untilTrue } from '../support/until.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-sub-steps-'));
after(() => rmSync(root, { recursive: true, force: true }));

const write = defineStep({ name: 'write', input: z.strictObject({ name: z.string() }), output: z.any() });
const many = defineStep({
  name: 'many',
  input: z.strictObject({ count: z.int(), holds: z.boolean().default(false) }),
  output: z.any(),
});
const { promise: isLetGo, resolve: letGo } = Promise.withResolvers<void>();

testWorker(temporal, {
  taskQueue,
  root,
  steps: [
    implementStep(write, async (ctx, { name }) => await ctx.files.write(`${name}.txt`, name)),
    implementStep(many, async (ctx, { count, holds }) => {
      for (let index = 0; index < count; index++)
        await ctx.step(`file/${index}`, { index }, async (sub) => {
          await sub.files.write(`file-${index}.txt`, `${index}`);
        });
      if (holds) await isLetGo;
      return { count };
    }),
  ],
});

interface Started {
  readonly client: HoldfastClient;
  readonly workflowId: string;
  readonly workspace: string;
}

async function started(steps: readonly object[]): Promise<Started & AsyncDisposable> {
  const client = await connectHoldfast({ address: temporal.address, namespace: temporal.namespace, taskQueue });
  const workspace = temporal.unique('sub-steps');
  const plan = { schemaVersion: 1, name: 'sub-steps', workspace, steps };
  const { workflowId } = await client.start(plan as never, { workflowId: workspace });
  return { client, workflowId, workspace, [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]() };
}

test('a running step tells how many sub-steps are done, and the last one, through the server', async () => {
  await using job = await started([{ id: 'act', use: 'many', with: { count: 30, holds: true } }]);
  const { client, workflowId } = job;
  const subSteps = await untilFound(async () => {
    const [progress] = (await client.status(workflowId)).progress ?? [];
    return progress?.subSteps?.done === 30 ? progress.subSteps : undefined;
  });
  assert.deepEqual(subSteps, { done: 30, latest: 'file/29' });
  const env = { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: temporal.namespace };
  const status = await cli(['status', workflowId], { env });
  assert.match(status.out, /act +running +many · 30 sub-steps done, the last file\/29/);
  letGo();
  assert.equal((await client.result(workflowId, { wait: true })).outcome, 'completed');
});

test('approvals of a list are all shown, and each is answered by itself', async () => {
  const names = ['a', 'b', 'c'];
  const list = { id: 'each', use: 'write', approval: 'before-apply', forEach: { items: names } };
  await using job = await started([{ ...list, with: { name: '${{ item }}' } }]);
  const { client, workflowId, workspace } = job;
  const asked = await untilFound(async () => {
    const questions = await client.questions(workflowId);
    return questions.length === 3 ? questions : undefined;
  });
  assert.deepEqual(
    asked.map(({ stepId }) => stepId),
    ['each:0', 'each:1', 'each:2'],
  );
  const env = { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: temporal.namespace };
  const { out } = await cli(['status', workflowId], { env });
  for (const { digest } of asked)
    assert.ok(out.includes(`decide ${workflowId} --question ${digest.slice(0, 12)}`), out);
  const approve = { by: 'ada', reason: 'test', answer: 'approve' } as const;
  await client.decide(workflowId, { ...approve, digest: asked[1]!.digest });
  await untilTrue(async () => (await client.questions(workflowId)).length === 2);
  await untilTrue(() => existsSync(join(root, workspace, 'b.txt')));
  for (const { digest } of [asked[0]!, asked[2]!]) await client.decide(workflowId, { ...approve, digest });
  assert.equal((await client.result(workflowId, { wait: true })).outcome, 'completed');
  assert.deepEqual(
    names.map((name) => existsSync(join(root, workspace, `${name}.txt`))),
    [true, true, true],
  );
});

test('a job that is undone undoes its sub-steps in few Activities, asking where somebody changed one', async () => {
  const act = { id: 'act', use: 'many', with: { count: 120 } };
  const last = { id: 'last', use: 'write', needs: ['act'], approval: 'before-apply', with: { name: 'last' } };
  const before = { id: 'before', use: 'write', with: { name: 'before' } };
  await using job = await started([before, { ...act, needs: ['before'] }, last]);
  const { client, workflowId, workspace } = job;
  const [approval] = await untilAsked(job);
  writeFileSync(join(root, workspace, 'file-60.txt'), 'by hand');
  const decided = { by: 'ada', reason: 'test' };
  await client.decide(workflowId, { ...decided, digest: approval!.digest, answer: 'abort', compensate: true });
  const [drift] = await untilAsked(job);
  assert.deepEqual(
    drift!.findings.map(({ resource }) => resource),
    ['file:file-60.txt'],
  );
  const { steps } = await client.status(workflowId);
  assert.deepEqual(
    steps.map(({ id, state }) => [id, state]),
    [
      ['before', 'done'],
      ['act', 'undoing'],
      ['last', 'waiting'],
    ],
  );
  await client.decide(workflowId, { ...decided, digest: drift!.digest, answer: 'skip' });
  const end = await client.result(workflowId, { wait: true });
  assert.match(JSON.stringify(end), /Undone: 1 step and 119 sub-steps \(120 files.*file:file-60\.txt/);
  const kept = readdirSync(join(root, workspace)).filter((name) => name !== '.holdfast');
  assert.deepEqual(kept, ['file-60.txt']);
  const ended = (await client.status(workflowId)).steps.map(({ id, state }) => [id, state]);
  assert.deepEqual(ended.slice(0, 2), [
    ['before', 'undone'],
    ['act', 'partly-undone'],
  ]);
  const history = await temporal.connection.workflowService.getWorkflowExecutionHistory({
    namespace: temporal.namespace,
    execution: { workflowId },
  });
  const undoings = (history.history?.events ?? []).filter(
    ({ activityTaskScheduledEventAttributes: one }) => one?.activityType?.name === 'undoStep',
  );
  assert.ok(undoings.length <= 5, `${undoings.length} Activities`);
});

async function untilAsked({ client, workflowId }: Started): Promise<readonly Question[]> {
  return await untilFound(async () => {
    const questions = await client.questions(workflowId);
    return questions.length === 0 ? undefined : questions;
  });
}
