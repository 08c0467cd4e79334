/** Jobs that are started from their store of checkpoints: elsewhere, or where they were. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import type { Question } from '../../src/model/question/question.ts';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { CountingServer } from '../support/counting-server.ts';
import { cli } from '../support/cli-terminal.ts';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { decisionsOf } from '../support/ledger.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilTrue } from '../support/until.ts';

const temporal = await testTemporal();
const { root, client, startPlan } = servedJobs(temporal, 'resume');
const other = await CountingServer.start();
after(() => other.close());
const WHO = { by: 'ada@example.com', reason: 'the cluster is gone' };

function planWith(workspace: string, steps: readonly object[]): object {
  return {
    schemaVersion: 1,
    name: 'report',
    workspace,
    checkpoint: { store: '${{ env.CHECKPOINTS }}' },
    http: { hosts: [other.url] },
    state: { seen: { reducer: 'append' } },
    steps,
  };
}

function planOf(workspace: string): object {
  return planWith(workspace, [
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
  ]);
}

/** A copy that a person approves. */
function approvedCopy(id: string, needs: string, from: string): object {
  return { id, use: 'file.copy', needs: [needs], approval: 'before-apply', with: { from, to: `${id}.txt` } };
}

/** Waits for its approval; then nobody goes on with it. */
async function lost(workspace: string): Promise<WorkflowHandle> {
  const handle = await startPlan(planOf(workspace));
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
    steps.map(({ id, state, effects }) => [id, state, effects]),
    [
      ['a', 'done', '1 file, 1 folder'],
      ['b', 'done', '1 file'],
      ['c', 'approval', ''],
    ],
  );
  const { out } = await cli(['log', join(root, 'second')]);
  assert.match(out, /decision of ada@example\.com: resume .*\n +because: the cluster is gone\n/);
  const result = await approved(workflowId);
  assert.deepEqual((result as { state: unknown }).state, { seen: ['a', 'b', 'c'] });
  for (const path of ['in/a.txt', 'b.txt', 'c.txt'])
    assert.equal(readFileSync(join(root, 'second', path), 'utf8'), 'a\n');
  assert.equal(existsSync(join(root, 'first', 'c.txt')), false);
});

test('commands find a resumed job in its new workspace, in its later Runs, too', async () => {
  const copies = ['d', 'e', 'f', 'g'].map((id) => approvedCopy(id, 'c', 'b.txt'));
  const { steps } = planOf('left') as { steps: object[] };
  const first = await startPlan(planWith('left', [...steps, ...copies]), { continueAsNewAfterEvents: 30 });
  const { workflowId } = first;
  await untilAsked(first);
  assert.equal(await client.workspaceOf(workflowId), 'left');
  await first.terminate('the cluster is gone');
  await client.resume({ from: `${root}/stored/${workflowId}`, workspace: 'found', ...WHO });
  assert.equal(await client.workspaceOf(workflowId), 'found');
  const handle = temporal.client.workflow.getHandle(workflowId);
  const begun = (await handle.describe()).runId;
  for (let answered = 0; answered < 1 + copies.length; answered++) {
    const question = await untilAsked(handle);
    await client.decide(workflowId, { answer: 'approve', ...WHO, digest: question.digest });
    await untilStatus(handle, ({ questions }) => questions.every(({ digest }) => digest !== question.digest));
  }
  await handle.result();
  assert.notEqual((await handle.describe()).runId, begun, 'it has continued as new');
  assert.equal(await client.workspaceOf(workflowId), 'found');
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

test('Authority Resurrection: an approval that was used holds for nothing more, and is not asked again', async () => {
  const { workflowId } = await startPlan(
    planWith('authority', [
      { id: 'a', use: 'file.write', with: { path: 'a.txt', content: 'a\n' } },
      approvedCopy('b', 'a', 'a.txt'),
      approvedCopy('c', 'b', 'b.txt'),
    ]),
  );
  const handle = temporal.client.workflow.getHandle(workflowId);
  const used = await untilAsked(handle);
  await client.decide(workflowId, { answer: 'approve', ...WHO, digest: used.digest });
  const { questions } = await untilStatus(handle, (status) => status.questions.some(({ stepId }) => stepId === 'c'));
  const [unanswered] = questions;
  await handle.terminate('the cluster is gone');
  await client.resume({ from: `${root}/stored/${workflowId}`, workspace: 'authority-new', ...WHO });
  const asked = await untilAsked(handle);
  assert.equal(asked.stepId, 'c', 'what was approved and done is not asked for again');
  assert.notEqual(asked.digest, unanswered!.digest, 'what was not answered is another question');
  for (const { digest } of [used, unanswered!]) await handle.signal('decide', { answer: 'approve', ...WHO, digest });
  const { refusals } = await untilStatus(handle, (status) => status.refusals.length === 2);
  for (const { problems } of refusals) assert.match(problems.join(), /no open question has the digest/);
  assert.equal(existsSync(join(root, 'authority-new', 'c.txt')), false, 'an old approval makes nothing');
  await approved(workflowId);
  assert.equal(readFileSync(join(root, 'authority-new', 'c.txt'), 'utf8'), 'a\n');
});

const PAY = { id: 'pay', use: 'http', with: { url: '', method: 'POST', json: { amount: 7 } } };

function payingPlan(workspace: string): object {
  const pay = { ...PAY, needs: ['a'], with: { ...PAY.with, url: `${other.url}/pay` } };
  const a = { id: 'a', use: 'file.write', with: { path: 'a.txt', content: 'a\n' } };
  return planWith(workspace, [a, pay, approvedCopy('c', 'pay', 'a.txt')]);
}

test('Action Replay: a call that was made before the checkpoint is answered from it', async () => {
  const handle = await startPlan(payingPlan('paid'));
  await untilAsked(handle);
  await handle.terminate('the cluster is gone');
  const made = other.effects();
  await client.resume({ from: `${root}/stored/${handle.workflowId}`, workspace: 'paid-new', ...WHO });
  await approved(handle.workflowId);
  assert.equal(other.effects(), made);
});

test('Action Replay: a call that was made after the checkpoint, its record lost, is not made again', async () => {
  const before = other.effects();
  other.next('silent');
  const handle = await startPlan(payingPlan('paying'));
  await untilTrue(() => other.effects() > before);
  await handle.terminate('the cluster is gone');
  await client.resume({ from: `${root}/stored/${handle.workflowId}`, workspace: 'paying-new', ...WHO });
  const question = await untilAsked(handle);
  assert.equal(question.kind, 'in-doubt', JSON.stringify(question.findings));
  assert.match(question.findings[0]!.difference, /record of what was done then is lost/);
  const result = { status: 200, headers: {}, body: '{}', contentType: 'application/json', truncated: false };
  await client.decide(handle.workflowId, { answer: 'happened', result, ...WHO, digest: question.digest });
  await approved(handle.workflowId);
  assert.equal(other.effects(), before + 1);
});

test('Action Replay: gone on from an earlier checkpoint, a call is answered from the later one', async () => {
  const handle = await startPlan(payingPlan('again'));
  const { jobId } = await untilStatus(handle, ({ questions }) => questions.length > 0);
  await handle.terminate('the cluster is gone');
  const made = other.effects();
  const store = openStore(join(root, 'stored'));
  const [input, afterA] = await store.generations(jobId);
  await store.close();
  const from = `${root}/stored/${handle.workflowId}@${afterA}`;
  await assert.rejects(client.resume({ from, ...WHO }), { type: 'bad-input', message: /not the job's latest/ });
  await client.resume({ from, workspace: 'again-new', ...WHO });
  await approved(handle.workflowId);
  assert.equal(other.effects(), made);
  assert.ok(input! < afterA!);
});
