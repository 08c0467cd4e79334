/** Two versions of a deployment's workers beside each other: real processes, one Task Queue, one host's workspaces. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { connectHoldfast } from '../../src/client.ts';
import type { HoldfastError } from '../../src/model/failure.ts';
import type { Question } from '../../src/model/question/question.ts';
import { untilAsked } from '../support/job-status.ts';
import { untilTrue } from '../support/until.ts';
import { testDeployment, workersOf } from '../support/versions.ts';

const LIMIT_MS = 60_000;
const SLEEP_MS = 25_000;
const WAITING = { limitMs: LIMIT_MS, everyMs: 500 };
const root = mkdtempSync(join(tmpdir(), 'holdfast-versions-'));
const deployment = await testDeployment(root, join(import.meta.dirname, '../support/sleeping-workflow.ts'));
const { client, taskQueue } = deployment;
const holdfast = await connectHoldfast({ address: deployment.address, namespace: 'default', env: {} });
after(async () => {
  await holdfast.close();
  rmSync(root, { recursive: true, force: true });
});
const withoutUpgrade = deployment.canUpgrade ? false : 'the server does not tell pinned Workflows of newer versions';

const write = (id: string, more: object = {}): object => ({
  id,
  use: 'file.write',
  with: { path: `${id}.txt`, content: id },
  ...more,
});
const ASKING = [write('a'), write('b', { needs: ['a'], approval: 'before-apply' }), write('c', { needs: ['b'] })];

async function start(workspace: string, steps: readonly object[], more: object = {}): Promise<WorkflowHandle> {
  const plan = { schemaVersion: 1, name: 'versions', workspace, steps };
  return await client.workflow.start('agentJob', { workflowId: workspace, taskQueue, args: [{ plan, ...more }] });
}

async function approve({ workflowId }: WorkflowHandle, { digest }: Question): Promise<void> {
  await holdfast.decide(workflowId, {
    digest,
    answer: 'approve',
    by: 'someone@example.com',
    reason: 'as it should be',
  });
}

const written = (workspace: string): string[] =>
  ['a', 'b', 'c'].map((name) => readFileSync(join(root, workspace, `${name}.txt`), 'utf8'));

test('jobs stay on the version that they are pinned to, new ones go by the ramp, and the old one drains', async () => {
  const first = await deployment.startWorker('1');
  await deployment.setCurrent('1');
  const pinned = await start('pinned', ASKING);
  const question = await untilAsked(pinned, LIMIT_MS);
  const second = await deployment.startWorker('2');
  await deployment.setCurrent('2');
  const next = await start('next', [write('a')]);
  await next.result();
  assert.deepEqual(await workersOf(next), ['worker-2']);
  await deployment.setRamp('1', 100);
  const ramped = await start('ramped', [write('a')]);
  await ramped.result();
  assert.deepEqual(await workersOf(ramped), ['worker-1']);
  await deployment.setRamp('1', 0);
  const unramped = await start('unramped', [write('a')]);
  await unramped.result();
  assert.deepEqual(await workersOf(unramped), ['worker-2']);
  const { version } = await holdfast.status('pinned');
  assert.deepEqual([version?.buildId, version?.behavior], ['1', 'pinned']);
  const listed = (await holdfast.list()).jobs.find(({ workflowId }) => workflowId === 'next')?.version;
  assert.deepEqual([listed?.buildId, listed?.behavior], ['2', 'pinned']);
  await approve(pinned, question);
  await pinned.result();
  assert.deepEqual(await workersOf(pinned), ['worker-1']);
  assert.deepEqual(written('pinned'), ['a', 'b', 'c']);
  await deployment.endRamp();
  await deployment.untilDrained('1');
  await first.end();
  await second.end();
});

test('a job whose version has no worker left says so, and goes on once a person has moved it', async () => {
  const first = await deployment.startWorker('3');
  await deployment.setCurrent('3');
  const job = await start('left', ASKING);
  const question = await untilAsked(job, LIMIT_MS);
  const second = await deployment.startWorker('4');
  await deployment.setCurrent('4');
  await first.kill();
  await assert.rejects(holdfast.status('left'), ({ type, message, details }: HoldfastError) => {
    assert.equal(type, 'no-worker');
    assert.match(message, /^Job left, which is pinned to version reports-\w+:3 \(pinned\), cannot be asked: /);
    assert.match(
      String(details['nextStep']),
      /holdfast worker --task-queue \S+ --deployment-name reports-\w+ --build-id 3/,
    );
    assert.match(String(details['nextStep']), /temporal workflow update-options --workflow-id left /);
    return true;
  });
  await deployment.moveToCurrent('left');
  await approve(job, question);
  await job.result();
  assert.deepEqual(await workersOf(job), ['worker-3', 'worker-4']);
  assert.deepEqual(written('left'), ['a', 'b', 'c']);
  await second.end();
});

test(
  'a pinned job that waits goes on with the new version once it is woken, and asks the same question there',
  { skip: withoutUpgrade },
  async () => {
    const first = await deployment.startWorker('5');
    await deployment.setCurrent('5');
    const question = await untilAsked(await start('asked', ASKING), LIMIT_MS);
    const longQuestion = await untilAsked(await start('long', ASKING, { continueAsNewAfterEvents: 1 }), LIMIT_MS);
    const startedMs = Date.now();
    const wait = { id: 'w', use: 'wait', with: { seconds: SLEEP_MS / 1_000 }, needs: ['a'] };
    await start('timed', [write('a'), wait, write('b', { needs: ['w'] }), write('c', { needs: ['b'] })]);
    const args: [object] = [{ workspace: 'own', sleepMs: SLEEP_MS }];
    await client.workflow.start('sleepingWorkflow', { workflowId: 'own', taskQueue, args });
    for (const workflowId of ['timed', 'own']) await untilTrue(() => hasTimer(workflowId), { limitMs: LIMIT_MS });
    const second = await deployment.startWorker('6');
    await deployment.setCurrent('6');
    for (const workflowId of ['asked', 'timed', 'own']) await untilTrue(() => movedTo('6', workflowId), WAITING);
    await approve(client.workflow.getHandle('asked'), question);
    await approve(client.workflow.getHandle('long'), longQuestion);
    for (const workflowId of ['asked', 'long', 'timed', 'own']) {
      const handle = client.workflow.getHandle(workflowId);
      await handle.result();
      assert.deepEqual(await workersOf(handle), ['worker-6'], workflowId);
      assert.deepEqual(written(workflowId), ['a', 'b', 'c'], workflowId);
    }
    assert.ok(Date.now() - startedMs < 1.8 * SLEEP_MS, 'timers began anew');
    await deployment.untilDrained('5');
    await first.end();
    await second.end();
  },
);

async function hasTimer(workflowId: string): Promise<boolean> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  return events!.some((event) => event.timerStartedEventAttributes);
}

/** The server's queues hear of a new version one after the other: a job that is woken too soon sees none. */
async function movedTo(buildId: string, workflowId: string): Promise<boolean> {
  await holdfast.wake(workflowId);
  return (await holdfast.describe(workflowId)).version?.buildId === buildId;
}
