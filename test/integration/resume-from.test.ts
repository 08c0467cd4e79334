/** Jobs that are started from their store of checkpoints: elsewhere, or where they were. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { HoldfastClient } from '../../src/client.ts';
import type { Question } from '../../src/model/question/question.ts';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { decisionsOf } from '../support/ledger.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-resume-'));
testWorker(temporal, { taskQueue, root, env: { CHECKPOINTS: join(root, 'stored') } });
after(() => rmSync(root, { recursive: true, force: true }));
const client = new HoldfastClient({
  client: temporal.client,
  connection: temporal.connection,
  address: temporal.address,
  taskQueue,
});
const WHO = { by: 'ada@example.com', reason: 'the cluster is gone' };

function planOf(workspace: string): object {
  return {
    schemaVersion: 1,
    name: 'report',
    workspace,
    checkpoint: { store: '${{ env.CHECKPOINTS }}' },
    state: { seen: { reducer: 'append' } },
    steps: [
      { id: 'a', use: 'file.write', with: { path: 'in/a.txt', content: 'a\n' }, state: { seen: 'a' } },
      {
        id: 'b',
        use: 'file.copy',
        with: { from: '${{ steps.a.output.path }}', to: 'b.txt' },
        state: { seen: 'b' },
      },
      {
        id: 'c',
        use: 'file.copy',
        needs: ['b'],
        approval: 'before-apply',
        with: { from: 'b.txt', to: 'c.txt' },
        state: { seen: 'c' },
      },
    ],
  };
}

/** Waits for its approval; then nobody goes on with it. */
async function lost(workspace: string): Promise<WorkflowHandle> {
  const handle = await temporal.client.workflow.start(agentJob, {
    workflowId: temporal.unique('job'),
    taskQueue,
    args: [{ plan: planOf(workspace) as never }],
  });
  await untilAsked(handle);
  await handle.terminate('the cluster is gone');
  return handle;
}

async function approved(workflowId: string): Promise<unknown> {
  const handle = temporal.client.workflow.getHandle(workflowId);
  const question = await untilAsked(handle);
  assert.equal(question.kind, 'approval', JSON.stringify(question));
  await client.decide(workflowId, { answer: 'approve', ...WHO, digest: question.digest });
  return await handle.result();
}

test('a job goes on in a new workspace: its files are there, what is done is not done again, it ends', async () => {
  const { workflowId } = await lost('first');
  const resumed = await client.resume({ from: `${root}/stored/${workflowId}`, workspace: 'second', ...WHO });
  assert.equal(resumed.workflowId, workflowId);
  const handle = temporal.client.workflow.getHandle(workflowId);
  const { jobId, steps } = await untilStatus(handle, ({ questions }) => questions.length > 0);
  assert.equal(jobId, resumed.jobId);
  assert.deepEqual(
    steps.map(({ id, state }) => [id, state]),
    [
      ['a', 'done'],
      ['b', 'done'],
      ['c', 'approval'],
    ],
  );
  const result = await approved(workflowId);
  assert.deepEqual((result as { state: unknown }).state, { seen: ['a', 'b', 'c'] });
  for (const path of ['in/a.txt', 'b.txt', 'c.txt'])
    assert.equal(readFileSync(join(root, 'second', path), 'utf8'), 'a\n');
  assert.equal(existsSync(join(root, 'first', 'c.txt')), false);
});

test('where its workspace has the record still, it goes on from that', async () => {
  const { workflowId } = await lost('kept');
  await client.resume({ from: `${root}/stored/${workflowId}`, ...WHO });
  await approved(workflowId);
  assert.equal(readFileSync(join(root, 'kept', 'c.txt'), 'utf8'), 'a\n');
});

/** Damages the newest checkpoint of a job. @returns all of its numbers */
async function damaged(workflowId: string): Promise<{ readonly jobId: string; readonly there: readonly number[] }> {
  const store = openStore(join(root, 'stored'));
  const jobId = (await store.series()).find((one) => one.startsWith(`${workflowId}@`))!;
  const there = await store.generations(jobId);
  writeFileSync(store.where(jobId, there.at(-1)!), 'not a checkpoint');
  await store.close();
  return { jobId, there };
}

async function decided(workflowId: string, answer: 'older' | 'anew'): Promise<Question> {
  const question = await untilAsked(temporal.client.workflow.getHandle(workflowId));
  assert.equal(question.kind, 'checkpoint', JSON.stringify(question));
  await client.decide(workflowId, { answer, by: 'bob@example.com', reason: 'no copy', digest: question.digest });
  return question;
}

test('one that can’t be read is asked about; the older one is gone on from, and who said so is told', async () => {
  const { workflowId } = await lost('older-old');
  const { jobId, there } = await damaged(workflowId);
  await client.resume({ from: `${root}/stored/${workflowId}`, workspace: 'older', ...WHO });
  const question = await decided(workflowId, 'older');
  assert.match(question.findings[0]!.difference, new RegExp(`records ${there.at(-2)! + 1} to ${there.at(-1)}.* b,`));
  assert.deepEqual(question.findings[0]!.answers, ['older', 'anew', 'recheck', 'abort']);
  await approved(workflowId);
  assert.equal(readFileSync(join(root, 'older', 'c.txt'), 'utf8'), 'a\n');
  const [resumed] = decisionsOf(join(root, 'older'), jobId);
  assert.equal(resumed!.resumesFrom, there.at(-2));
  assert.deepEqual([resumed!.by, resumed!.reason], [WHO.by, WHO.reason]);
  assert.match(resumed!.notes.join(), /bob@example.com.*no copy/);
  const aside = readdirSync(join(root, 'stored'), { recursive: true, encoding: 'utf8' });
  assert.ok(
    aside.some((path) => path.includes('damaged') && path.includes(String(there.at(-1)))),
    aside.join(),
  );
});

test('anew: another job begins from nothing, in the new workspace', async () => {
  const { workflowId } = await lost('anew-old');
  const { jobId } = await damaged(workflowId);
  await client.resume({ from: `${root}/stored/${workflowId}`, workspace: 'anew', ...WHO });
  await decided(workflowId, 'anew');
  await approved(workflowId);
  assert.equal(readFileSync(join(root, 'anew', 'c.txt'), 'utf8'), 'a\n');
  const status = await client.status(workflowId);
  assert.notEqual(status.jobId, jobId);
});
