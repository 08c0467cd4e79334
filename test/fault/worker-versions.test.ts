/** Two versions of a deployment's workers beside each other: real processes, one Task Queue, one host's workspaces. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { connectHoldfast } from '../../src/client.ts';
import type { HoldfastError } from '../../src/model/failure.ts';
import type { Question } from '../../src/model/question/question.ts';
import { cli, type Ran } from '../support/cli-terminal.ts';
import { markingIn } from '../support/marking-plan.ts';
import { untilAsked } from '../support/job-status.ts';
import { until, untilTrue } from '../support/until.ts';
import { hasTimer, testDeployment, workersOf } from '../support/versions.ts';

const LIMIT_MS = 60_000;
const SLEEP_MS = 30_000;
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

const typed = async (...args: string[]): Promise<Ran> =>
  cli(args, { cwd: root, env: { TEMPORAL_ADDRESS: deployment.address, NO_COLOR: '1' } });

const planOf = (workspace: string, steps: readonly object[]): object => ({
  schemaVersion: 1,
  name: 'versions',
  workspace,
  steps,
});

async function start(workspace: string, steps: readonly object[], more: object = {}): Promise<WorkflowHandle> {
  const plan = planOf(workspace, steps);
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
  const pinned = await start('pinned', asking('pinned'));
  const makeCurrent = /temporal worker deployment set-current-version --deployment-name reports-\w+ --build-id 1\b/;
  const unasked = await until(
    () => typed('status', 'pinned'),
    ({ err }) => makeCurrent.test(err),
    WAITING,
  );
  assert.equal(unasked.code, 5);
  assert.match(unasked.err, /a worker of version reports-\w+:1 is running on .*, as no version is current there/);
  assert.match((await typed('list', '--state', 'no-worker')).out, makeCurrent);
  assert.match((await typed('doctor', '-q', taskQueue)).out, makeCurrent);
  writeFileSync(join(root, 'more.json'), JSON.stringify(planOf('more', [command('more', 'a')])));
  assert.match((await typed('start', 'more.json', '-q', taskQueue)).err, makeCurrent);
  await deployment.setCurrent('1');
  const question = await untilAsked(pinned, LIMIT_MS);
  assert.match((await typed('list', '--state', 'no-worker')).out, /^No job .* lacks a worker/);
  await deployment.setNoneCurrent();
  const unwoken = await typed('wake', 'pinned');
  assert.equal(unwoken.code, 1);
  assert.match(unwoken.out, /no version of deployment reports-\w+ is current, so it stays; nothing was done/);
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
  const unheard = await typed('wake', 'left');
  assert.equal(unheard.code, 5);
  assert.match(unheard.err, /temporal workflow update-options --workflow-id left /);
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
    const earlyQuestion = await untilAsked(await start('early', asking('early')), LIMIT_MS);
    const startedMs = Date.now();
    const wait = { id: 'w', use: 'wait', with: { seconds: SLEEP_MS / 1_000 }, needs: ['a'] };
    const needs = (id: string): object => ({ step: { needs: [id] } });
    const [a, b, c] = [command('timed', 'a'), command('timed', 'b', needs('w')), command('timed', 'c', needs('b'))];
    await start('timed', [a, wait, b, c]);
    const args: [object] = [{ workspace: 'own', sleepMs: SLEEP_MS, marks: marksOf('own') }];
    await client.workflow.start('sleepingWorkflow', { workflowId: 'own', taskQueue, args });
    for (const workflowId of ['timed', 'own'])
      await untilTrue(() => hasTimer(client.workflow.getHandle(workflowId)), { limitMs: LIMIT_MS });
    const release = join(root, 'release');
    const slow = command('busy', 'a', { run: `until [ -e ${release} ]; do sleep 0.2; done` });
    await start('busy', [slow, command('busy', 'b', needs('a')), command('busy', 'c', needs('b'))]);
    await untilTrue(() => executions('busy').length === 1, WAITING);
    const second = await deployment.startWorker('6');
    // One job in a hundred would go there: this one is told of no other version until that is current.
    await deployment.setRamp('6', 1);
    const early = holdfast.wake('early', { wait: true });
    await delay(2_000);
    await deployment.setCurrent('6');
    assert.equal((await early).outcome, 'moved', 'a wake that the job forgot is repeated');
    const woken = await Promise.all(['asked', 'timed', 'own', 'busy'].map((id) => typed('wake', id)));
    assert.deepEqual(
      woken.map(({ code }) => code),
      [0, 0, 0, 6],
    );
    for (const { out } of woken.slice(0, 3)) assert.match(out, /goes on with version reports-\w+:6 \(pinned\)\.$/m);
    assert.match(woken[3]!.out, /woken while a step runs, .* moves to version reports-\w+:6\. To see: /);
    writeFileSync(release, '');
    const again = await typed('wake', 'asked');
    assert.equal(again.code, 0);
    assert.match(again.out, /which is current; nothing was done/);
    await approve(client.workflow.getHandle('asked'), question);
    await approve(client.workflow.getHandle('long'), longQuestion);
    await approve(client.workflow.getHandle('early'), earlyQuestion);
    for (const workflowId of ['asked', 'early', 'long', 'timed', 'own', 'busy']) {
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
