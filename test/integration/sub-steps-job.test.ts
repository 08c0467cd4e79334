/** Sub-steps of a job on a real server: what is seen of them while they run, and what is asked. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as z from 'zod';
import { connectHoldfast, type HoldfastClient } from '../../src/client.ts';
import { defineStep, implementStep } from '../../src/index.ts';
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
  input: z.strictObject({ count: z.int() }),
  output: z.any(),
});
const { promise: isLetGo, resolve: letGo } = Promise.withResolvers<void>();

testWorker(temporal, {
  taskQueue,
  root,
  steps: [
    implementStep(write, async (ctx, { name }) => await ctx.files.write(`${name}.txt`, name)),
    implementStep(many, async (ctx, { count }) => {
      for (let index = 0; index < count; index++)
        await ctx.step(`file/${index}`, { index }, async (sub) => {
          await sub.files.write(`file/${index}.txt`, `${index}`);
        });
      await isLetGo;
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
  await using job = await started([{ id: 'act', use: 'many', with: { count: 30 } }]);
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
