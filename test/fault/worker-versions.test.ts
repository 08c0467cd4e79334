/** Two versions of a deployment's workers beside each other: real processes, one Task Queue, one host's workspaces. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { connectHoldfast } from '../../src/client.ts';
import type { HoldfastError } from '../../src/model/failure.ts';
import type { Question } from '../../src/model/question/question.ts';
import { markingIn } from '../support/marking-plan.ts';
import { untilAsked } from '../support/job-status.ts';
import { untilTrue } from '../support/until.ts';
import { hasTimer, testDeployment, workersOf } from '../support/versions.ts';

const LIMIT_MS = 60_000;
const SLEEP_MS = 25_000;
const WAITING = { limitMs: LIMIT_MS, everyMs: 500 };
const root = mkdtempSync(join(tmpdir(), 'holdfast-versions-'));
const { asking, command, executions, marksOf } = markingIn(root);
const deployment = await testDeployment(root, join(import.meta.dirname, '../support/sleeping-workflow.ts'));
const { client, taskQueue } = deployment;
const holdfast = await connectHoldfast({ address: deployment.address, namespace: 'default', env: {} });
after(async () => {
  await holdfast.close();
  rmSync(root, { recursive: true, force: true });
});
const withoutUpgrade = deployment.canUpgrade ? false : 'the server does not tell pinned Workflows of newer versions';

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

test('jobs stay on the version that they are pinned to, new ones go by the ramp, and the old one drains', async () => {
  const first = await deployment.startWorker('1');
  await deployment.setCurrent('1');
  const pinned = await start('pinned', asking('pinned'));
  const question = await untilAsked(pinned, LIMIT_MS);
  const second = await deployment.startWorker('2');
  await deployment.setCurrent('2');
  const next = await start('next', [command('next', 'a')]);
  await next.result();
  assert.deepEqual(executions('next'), ['a']);
  assert.deepEqual(await workersOf(next), ['worker-2']);
  await deployment.setRamp('1', 100);
  const ramped = await start('ramped', [command('ramped', 'a')]);
  await ramped.result();
  assert.deepEqual(executions('ramped'), ['a']);
  assert.deepEqual(await workersOf(ramped), ['worker-1']);
  await deployment.setRamp('1', 0);
  const unramped = await start('unramped', [command('unramped', 'a')]);
  await unramped.result();
  assert.deepEqual(executions('unramped'), ['a']);
  assert.deepEqual(await workersOf(unramped), ['worker-2']);
  const { version } = await holdfast.status('pinned');
  assert.deepEqual([version?.buildId, version?.behavior], ['1', 'pinned']);
  const listed = (await holdfast.list()).jobs.find(({ workflowId }) => workflowId === 'next')?.version;
  assert.deepEqual([listed?.buildId, listed?.behavior], ['2', 'pinned']);
  await approve(pinned, question);
  await pinned.result();
  assert.deepEqual(await workersOf(pinned), ['worker-1']);
  assert.deepEqual(executions('pinned'), ['a', 'b', 'c']);
  await deployment.endRamp();
  await deployment.untilDrained('1');
  await first.end();
  await second.end();
});

test('a job whose version has no worker left says so, and goes on once a person has moved it', async () => {
  const first = await deployment.startWorker('3');
  await deployment.setCurrent('3');
  const job = await start('left', asking('left'));
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
  assert.deepEqual(executions('left'), ['a', 'b', 'c']);
  await second.end();
});

test(
  'a pinned job that waits goes on with the new version once it is woken, and asks the same question there',
  { skip: withoutUpgrade },
  async () => {
    const first = await deployment.startWorker('5');
    await deployment.setCurrent('5');
    const question = await untilAsked(await start('asked', asking('asked')), LIMIT_MS);
    const longQuestion = await untilAsked(
      await start('long', asking('long'), { continueAsNewAfterEvents: 1 }),
      LIMIT_MS,
    );
    const startedMs = Date.now();
    const wait = { id: 'w', use: 'wait', with: { seconds: SLEEP_MS / 1_000 }, needs: ['a'] };
    const needs = (id: string): object => ({ step: { needs: [id] } });
    const [a, b, c] = [command('timed', 'a'), command('timed', 'b', needs('w')), command('timed', 'c', needs('b'))];
    await start('timed', [a, wait, b, c]);
    const args: [object] = [{ workspace: 'own', sleepMs: SLEEP_MS, marks: marksOf('own') }];
    await client.workflow.start('sleepingWorkflow', { workflowId: 'own', taskQueue, args });
    for (const workflowId of ['timed', 'own'])
      await untilTrue(() => hasTimer(client.workflow.getHandle(workflowId)), { limitMs: LIMIT_MS });
    const second = await deployment.startWorker('6');
    await deployment.setCurrent('6');
    for (const workflowId of ['asked', 'timed', 'own']) await untilTrue(() => movedTo('6', workflowId), WAITING);
    await approve(client.workflow.getHandle('asked'), question);
    await approve(client.workflow.getHandle('long'), longQuestion);
    for (const workflowId of ['asked', 'long', 'timed', 'own']) {
      const handle = client.workflow.getHandle(workflowId);
      await handle.result();
      assert.deepEqual(await workersOf(handle), ['worker-6'], workflowId);
      assert.deepEqual(executions(workflowId), ['a', 'b', 'c'], workflowId);
    }
    assert.ok(Date.now() - startedMs < 1.8 * SLEEP_MS, 'timers began anew');
    await deployment.untilDrained('5');
    await first.end();
    await second.end();
  },
);

/** The server's queues hear of a new version one after the other: a job that is woken too soon sees none. */
async function movedTo(buildId: string, workflowId: string): Promise<boolean> {
  await holdfast.wake(workflowId);
  return (await holdfast.describe(workflowId)).version?.buildId === buildId;
}
