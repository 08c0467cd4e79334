/** Workers of two versions on one host: one workspace, one lock, one register of workers. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { connectHoldfast } from '../../src/client.ts';
import { untilAsked } from '../support/job-status.ts';
import { markingIn } from '../support/marking-plan.ts';
import { until, untilTrue } from '../support/until.ts';
import { testDeployment, workersOf } from '../support/versions.ts';

const LIMIT_MS = 60_000;
const WAITING = { limitMs: LIMIT_MS, everyMs: 300 };
const root = mkdtempSync(join(tmpdir(), 'holdfast-contention-'));
const { asking, command, executions } = markingIn(root);
const deployment = await testDeployment(root);
const { client, taskQueue } = deployment;
const holdfast = await connectHoldfast({ address: deployment.address, namespace: 'default', env: {} });
after(async () => {
  await holdfast.close();
  rmSync(root, { recursive: true, force: true });
});

async function start(workflowId: string, workspace: string, steps: readonly object[]): Promise<WorkflowHandle> {
  const plan = { schemaVersion: 1, name: 'contention', workspace, steps };
  return await client.workflow.start('agentJob', { workflowId, taskQueue, args: [{ plan }] });
}

async function approve(workflowId: string, digest: string): Promise<void> {
  await holdfast.decide(workflowId, {
    digest,
    answer: 'approve',
    by: 'someone@example.com',
    reason: 'as it should be',
  });
}

/** A command that ends once `release` is called. */
function held(workspace: string, id: string): { readonly step: object; readonly release: () => void } {
  const gate = join(root, `${workspace}-${id}-gate`);
  return {
    step: command(workspace, id, { run: `until [ -e ${gate} ]; do sleep 0.1; done` }),
    release: () => writeFileSync(gate, ''),
  };
}

const after1 = (...needs: string[]): object => ({ step: { needs } });

test('a job of the new version waits for the workspace of one that is pinned to the old', async () => {
  const first = await deployment.startWorker('1');
  await deployment.setCurrent('1');
  const old = await start('old', 'shared', asking('shared'));
  const { digest } = await untilAsked(old, LIMIT_MS);
  const second = await deployment.startWorker('2');
  await deployment.setCurrent('2');
  const next = await start('next', 'shared', [command('shared', 'd'), command('shared', 'e', after1('d'))]);
  await until(
    () => holdfast.questions('next'),
    (questions) => questions.length > 0,
    WAITING,
  );
  assert.deepEqual(executions('shared'), ['a', 'b']);
  await approve('old', digest);
  await old.result();
  await next.result();
  assert.deepEqual(executions('shared'), ['a', 'b', 'c', 'd', 'e']);
  assert.deepEqual([await workersOf(old), await workersOf(next)], [['worker-1'], ['worker-2']]);
  await first.end();
  await second.end();
});

test('workers of both versions act for one job at once, and each step runs once', async () => {
  const first = await deployment.startWorker('3');
  await deployment.setCurrent('3');
  const slow = held('both', 'slow');
  const asked = command('both', 'asked', { step: { approval: 'before-apply' } });
  const handle = await start('both', 'both', [slow.step, asked, command('both', 'end', after1('slow', 'asked'))]);
  const { digest } = await untilAsked(handle, LIMIT_MS);
  await untilTrue(() => executions('both').length === 2, WAITING);
  const second = await deployment.startWorker('4');
  await deployment.setCurrent('4');
  await deployment.moveToCurrent('both');
  await approve('both', digest);
  assert.deepEqual(await workersOf(handle), ['worker-3', 'worker-4']);
  slow.release();
  await handle.result();
  assert.deepEqual(executions('both').toSorted(), ['asked', 'end', 'slow']);
  await first.end();
  await second.end();
});

test('a worker of the new version takes over from a dead one of the old, and from no living one', async () => {
  const first = await deployment.startWorker('5');
  await deployment.setCurrent('5');
  const [killed, living] = [held('killed', 'a'), held('living', 'a')];
  await start('killed', 'killed', [killed.step, command('killed', 'b', after1('a'))]);
  await untilTrue(() => executions('killed').length === 1, WAITING);
  const second = await deployment.startWorker('6');
  await deployment.setCurrent('6');
  await start('living', 'living', [living.step, command('living', 'b', after1('a'))]);
  await untilTrue(() => executions('living').length === 1, WAITING);
  await first.kill();
  const startedMs = Date.now();
  const third = await deployment.startWorker('6');
  await until(
    async () => (await client.workflow.getHandle('killed').describe()).raw.pendingActivities?.[0]?.attempt,
    (attempt) => (attempt ?? 1) > 1,
    WAITING,
  );
  assert.ok(Date.now() - startedMs < 20_000, 'the dead worker is known by its lock, not by a heartbeat that fails');
  await deployment.moveToCurrent('killed');
  killed.release();
  living.release();
  for (const id of ['killed', 'living']) await client.workflow.getHandle(id).result();
  // A command that was killed on its copy begins again.
  assert.deepEqual(executions('killed'), ['a', 'a', 'b']);
  assert.deepEqual(executions('living'), ['a', 'b']);
  assert.deepEqual(await workersOf(client.workflow.getHandle('killed')), ['worker-5', 'worker-6']);
  await second.end();
  await third.end();
});
