/** What comes together with the move of a pinned job, or keeps it from moving. Needs a server of 1.31 or newer. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { connectHoldfast } from '../../src/client.ts';
import { untilAsked } from '../support/job-status.ts';
import { markingIn } from '../support/marking-plan.ts';
import { untilTrue } from '../support/until.ts';
import { hasTimer, testDeployment, workersOf } from '../support/versions.ts';

const LIMIT_MS = 30_000;
/** Longer than it takes until a new version is told. */
const SLEEP_MS = 15_000;
const WAITING = { limitMs: LIMIT_MS, everyMs: 500 };
const root = mkdtempSync(join(tmpdir(), 'holdfast-moves-'));
const { asking, command, executions, marksOf } = markingIn(root);
const deployment = await testDeployment(root, join(import.meta.dirname, '../support/sleeping-workflow.ts'));
const { client, taskQueue } = deployment;
const holdfast = await connectHoldfast({ address: deployment.address, namespace: 'default', env: {} });
const skip = deployment.canUpgrade ? false : 'the server does not tell pinned Workflows of newer versions';
after(async () => {
  await holdfast.close();
  rmSync(root, { recursive: true, force: true });
});

async function start(workspace: string, steps: readonly object[]): Promise<WorkflowHandle> {
  const plan = { schemaVersion: 1, name: 'moves', workspace, steps };
  return await client.workflow.start('agentJob', { workflowId: workspace, taskQueue, args: [{ plan }] });
}

async function startAsking(workspace: string): Promise<{ readonly handle: WorkflowHandle; readonly digest: string }> {
  const handle = await start(workspace, asking(workspace));
  return { handle, digest: (await untilAsked(handle, LIMIT_MS)).digest };
}

const versionOf = async (workflowId: string): Promise<string | undefined> =>
  (await holdfast.describe(workflowId)).version?.buildId;

/** The server's queues hear of a new version one after the other. */
async function untilOffered(scout: string, buildId: string): Promise<void> {
  await untilTrue(async () => {
    await holdfast.wake(scout);
    return (await versionOf(scout)) === buildId;
  }, WAITING);
}

test('what arrives in the same Workflow Task as the wake is heard before the job moves', { skip }, async () => {
  const first = await deployment.startWorker('1');
  await deployment.setCurrent('1');
  const jobs = ['scout', 'decided', 'aborted', 'cancelled'] as const;
  const asked = new Map<string, string>();
  for (const name of jobs) asked.set(name, (await startAsking(name)).digest);
  const second = await deployment.startWorker('2');
  await deployment.setCurrent('2');
  await untilOffered('scout', '2');
  await first.kill();
  const person = { by: 'someone@example.com', reason: 'as it should be' };
  for (const name of jobs.slice(1)) await holdfast.wake(name);
  const decision = { ...person, digest: asked.get('decided')!, answer: 'approve' as const };
  await holdfast.decide('decided', decision, { via: 'signal' });
  await holdfast.abort('aborted', person);
  await holdfast.cancel('cancelled');
  const again = await deployment.startWorker('1');
  const end = async (name: string): Promise<string> => (await holdfast.result(name, { wait: true })).outcome;
  for (const outcome of ['aborted', 'cancelled']) assert.equal(await end(outcome), outcome);
  assert.equal(await end('decided'), 'completed');
  assert.deepEqual(executions('decided'), ['a', 'b', 'c']);
  assert.deepEqual((await holdfast.status('decided')).refusals, []);
  for (const name of ['aborted', 'cancelled']) assert.deepEqual(executions(name), ['a', 'b']);
  await again.end();
  await second.end();
});

test('a timer that fires in the same Workflow Task as the wake is neither lost nor run again', { skip }, async () => {
  const first = await deployment.startWorker('5');
  await deployment.setCurrent('5');
  const { digest } = await startAsking('lookout');
  const needs = (id: string): object => ({ step: { needs: [id] } });
  const wait = { id: 'w', use: 'wait', with: { seconds: SLEEP_MS / 1_000 }, needs: ['a'] };
  const [a, b, c] = [command('waited', 'a'), command('waited', 'b', needs('w')), command('waited', 'c', needs('b'))];
  const handles = [
    await start('waited', [a, wait, b, c]),
    await client.workflow.start('sleepingWorkflow', {
      workflowId: 'slept',
      taskQueue,
      args: [{ workspace: 'slept', sleepMs: SLEEP_MS, marks: marksOf('slept') }],
    }),
  ];
  for (const handle of handles) await untilTrue(() => hasTimer(handle), WAITING);
  const second = await deployment.startWorker('6');
  await deployment.setCurrent('6');
  await untilOffered('lookout', '6');
  await first.kill();
  for (const { workflowId } of handles) await holdfast.wake(workflowId);
  for (const handle of handles) await untilTrue(() => hasTimer(handle, 'fired'), WAITING);
  const again = await deployment.startWorker('5');
  for (const { workflowId } of handles) {
    await client.workflow.getHandle(workflowId).result();
    assert.deepEqual(executions(workflowId), ['a', 'b', 'c'], workflowId);
    assert.deepEqual(await workersOf(client.workflow.getHandle(workflowId)), ['worker-6'], workflowId);
  }
  await holdfast.decide('lookout', { digest, answer: 'approve', by: 'someone@example.com', reason: 'as it should be' });
  await client.workflow.getHandle('lookout').result();
  assert.deepEqual(executions('lookout'), ['a', 'b', 'c']);
  await again.end();
  await second.end();
});

test('a move waits for steps beside each other; an Activity of a Workflow’s own begins again', { skip }, async () => {
  const marks = marksOf('beside');
  const first = await deployment.startWorker('7');
  await deployment.setCurrent('7');
  const args = [{ workspace: 'beside', sleepMs: SLEEP_MS, marks }];
  const started = await client.workflow.start('besideWorkflow', { workflowId: 'beside', taskQueue, args });
  await untilTrue(() => executions('beside').length === 2, WAITING);
  const second = await deployment.startWorker('8');
  await deployment.setCurrent('8');
  assert.equal((await holdfast.wake('beside', { wait: true })).outcome, 'busy');
  writeFileSync(`${marks}-gate`, '');
  await untilTrue(() => executions('beside').includes('begun'), WAITING);
  assert.equal(await versionOf('beside'), '8');
  await deployment.setCurrent('7');
  assert.equal((await holdfast.wake('beside', { wait: true })).outcome, 'moved');
  const handle = client.workflow.getHandle('beside');
  await handle.result();
  assert.deepEqual(await workersOf(handle), ['worker-7']);
  assert.notEqual((await handle.describe()).runId, started.firstExecutionRunId);
  assert.deepEqual(executions('beside').toSorted(), ['a', 'b', 'begun', 'begun', 'c', 'ended', 'ended']);
  await first.end();
  await second.end();
});

test('a cancelled job of a versioned worker gives its workspace back only once its step has ended', async () => {
  const worker = await deployment.startWorker('3');
  await deployment.setCurrent('3');
  const begun = join(root, 'begun');
  const run = `trap '' TERM INT; touch ${begun}; sleep 3`;
  const handle = await start('ending', [command('ending', 'slow', { run })]);
  await untilTrue(() => existsSync(begun), WAITING);
  await holdfast.cancel('ending', { wait: true });
  const { events } = await handle.fetchHistory();
  const open = new Set<string>();
  for (const event of events!) {
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled) {
      assert.deepEqual([...open], [], `${scheduled.activityType?.name} is requested beside another Activity`);
      open.add(String(event.eventId));
    }
    const ended =
      event.activityTaskCompletedEventAttributes ??
      event.activityTaskFailedEventAttributes ??
      event.activityTaskCanceledEventAttributes ??
      event.activityTaskTimedOutEventAttributes;
    if (ended) open.delete(String(ended.scheduledEventId));
  }
  await worker.end();
});
