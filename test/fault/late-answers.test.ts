/**
 * Answers that come late: after the world has changed, after a reset, after another answer; and jobs that go on without
 * one.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { Context } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import { HoldfastClient } from '../../src/client.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { base, decision, write } from '../replay/scenario.ts';
import { delayAnswerOf } from '../support/held.ts';
import { statusOf, untilAsked, untilStatus } from '../support/job-status.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilTrue } from '../support/until.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-late-'));
testWorker(temporal, { taskQueue, root });
afterEach(() => setFaultHook(undefined));
after(() => rmSync(root, { recursive: true, force: true }));

const shown = { ...write('shown'), approval: 'before-apply' };

interface Started {
  readonly handle: WorkflowHandle;
  readonly at: (path: string) => string;
}

async function start(steps: readonly unknown[], workspace = temporal.unique('workspace')): Promise<Started> {
  mkdirSync(join(root, workspace), { recursive: true });
  const workflowId = temporal.unique('job');
  const plan = { ...base, name: 'late', steps };
  await temporal.client.workflow.start('agentJob', { workflowId, taskQueue, args: [{ plan, workspace }] });
  return { handle: temporal.client.workflow.getHandle(workflowId), at: (path) => join(root, workspace, path) };
}

const isDone = async ({ handle }: Started, stepId: string): Promise<unknown> =>
  await untilStatus(handle, ({ steps }) => steps.some(({ id, state }) => id === stepId && state === 'done'));

const decide = async ({ handle }: Started, digest: string, answer: string, reason = 'test'): Promise<unknown> =>
  await handle.executeUpdate('decide', { args: [{ ...decision(digest, answer), reason }] });

test('a client that sends a decision again gets the first answer, also after the job; another does not', async () => {
  const { client, connection, address } = temporal;
  const holdfast = new HoldfastClient({ client, connection, address });
  const { handle } = await start([shown, { ...shown, id: 'next', needs: ['shown'] }]);
  const { digest } = await untilAsked(handle);
  const approve = { digest, answer: 'approve', by: 'ada', reason: 'seen' } as const;
  const first = await holdfast.decide(handle.workflowId, approve);
  assert.deepEqual(await holdfast.decide(handle.workflowId, approve), first);
  assert.notEqual(first.used ?? null, null);
  await assert.rejects(holdfast.decide(handle.workflowId, { ...approve, reason: 'other' }), {
    type: 'decision-refused',
  });
  const next = await untilStatus(handle, ({ questions }) => questions[0]?.stepId === 'next');
  await holdfast.decide(handle.workflowId, { ...approve, digest: next.questions[0]!.digest });
  await handle.result();
  assert.deepEqual(await holdfast.decide(handle.workflowId, approve), first);
});

test('what somebody changed while a person looked at an approval is asked about before the step applies', async () => {
  const job = await start([write('a'), { ...shown, needs: ['a'] }]);
  const approval = await untilAsked(job.handle);
  writeFileSync(job.at('a.txt'), 'edited');
  await decide(job, approval.digest, 'approve');
  const { questions } = await untilStatus(job.handle, (status) => status.questions[0]?.kind === 'discrepancy');
  assert.deepEqual(
    questions[0]!.findings.map(({ resource }) => resource),
    ['file:a.txt'],
  );
  assert.throws(() => readFileSync(job.at('shown.txt')), /ENOENT/, 'nothing is applied before the answer');
  await decide(job, questions[0]!.digest, 'accept');
  await job.handle.result();
  assert.equal(readFileSync(job.at('shown.txt'), 'utf8'), 'shown', 'the approval holds');
});

test('a question that was settled does not come back with an answer that was on its way meanwhile', async () => {
  const slow = { run: 'sleep 2; echo x > x', shell: true, paths: ['x'] };
  const job = await start([
    write('a'),
    { id: 'pause', use: 'wait', with: { seconds: 1 }, needs: ['a'] },
    { id: 'copy', use: 'file.copy', with: { from: 'a.txt', to: 'copy.txt' }, needs: ['pause'] },
    { id: 'slow', use: 'command', with: slow, needs: ['pause'] },
  ]);
  await isDone(job, 'a');
  writeFileSync(job.at('a.txt'), 'edited');
  const held = delayAnswerOf('slow');
  const question = await untilAsked(job.handle);
  await untilTrue(held.isHeld);
  await decide(job, question.digest, 'restore');
  await isDone(job, 'copy');
  held.letGo();
  await job.handle.result();
  assert.deepEqual((await statusOf(job.handle)).refusals, []);
});

test('a job goes on by itself once the job that had its workspace has given it back', async () => {
  const workspace = temporal.unique('workspace');
  const first = await start([write('theirs'), { ...shown, needs: ['theirs'] }], workspace);
  const approval = await untilAsked(first.handle);
  const second = await start([write('mine')], workspace);
  assert.equal((await untilAsked(second.handle)).kind, 'foreign');
  await decide(first, approval.digest, 'approve');
  await first.handle.result();
  await second.handle.result();
  assert.equal(readFileSync(second.at('mine.txt'), 'utf8'), 'mine');
});

test('the status of a job that has ended shows nothing that runs or waits', async () => {
  const job = await start([shown, { id: 'nap', use: 'command', with: { run: ['sleep', '300'], paths: ['x'] } }]);
  await untilAsked(job.handle);
  await untilStatus(job.handle, ({ steps }) => steps.some(({ id, state }) => id === 'nap' && state === 'running'));
  await job.handle.cancel();
  await assert.rejects(job.handle.result());
  const { steps } = await statusOf(job.handle);
  assert.deepEqual(
    steps.map(({ id, state }) => `${id} ${state}`),
    ['shown stopped', 'nap stopped'],
  );
});

test('an answer to a question that another had answered before a reset closes it, and the job goes on', async () => {
  const job = await start([
    { ...shown, id: 'shown' },
    { ...write('b'), approval: 'before-apply', needs: ['shown'] },
  ]);
  const first = await untilAsked(job.handle);
  await decide(job, first.digest, 'approve');
  await untilStatus(job.handle, (status) => status.questions.some(({ stepId }) => stepId === 'b'));
  const { events } = await job.handle.fetchHistory();
  const answered = events!.find(({ activityTaskCompletedEventAttributes }) => activityTaskCompletedEventAttributes);
  const asked = events!.filter(({ activityTaskCompletedEventAttributes }) => activityTaskCompletedEventAttributes)[1]!;
  assert.notEqual(answered, asked);
  const taskAfter = events!.find(
    ({ eventId, workflowTaskCompletedEventAttributes }) =>
      workflowTaskCompletedEventAttributes && Number(eventId) > Number(asked.eventId),
  )!;
  await temporal.connection.workflowService.resetWorkflowExecution({
    namespace: temporal.namespace,
    workflowExecution: { workflowId: job.handle.workflowId },
    workflowTaskFinishEventId: taskAfter.eventId!,
    requestId: temporal.unique('reset'),
    resetReapplyExcludeTypes: [1, 2],
  });
  const again = await untilAsked(job.handle);
  assert.equal(again.digest, first.digest, 'the Run of the reset knows of no answer');
  await decide(job, again.digest, 'approve', 'another reason');
  const ahead = await untilStatus(job.handle, (status) => status.questions[0]?.kind === 'ahead');
  await decide(job, ahead.questions[0]!.digest, 'keep');
  const last = await untilStatus(job.handle, (status) => status.questions.some(({ stepId }) => stepId === 'b'));
  await decide(job, last.questions[0]!.digest, 'approve');
  await job.handle.result();
  assert.equal(readFileSync(job.at('b.txt'), 'utf8'), 'b');
});

test('a database that is away for a moment when a job ends does not keep the workspace', async () => {
  const workspace = temporal.unique('workspace');
  const table = 'CREATE TABLE note (id INTEGER PRIMARY KEY)';
  const steps = [{ id: 'table', use: 'db.sql', with: { database: 'main', sql: table, writes: ['note'] } }];
  let isAway = false;
  setFaultHook((point) => {
    if (point !== 'lock.taken' || isAway || Context.current().info.activityType !== 'release') return;
    isAway = true;
    const [here, away] = [join(root, workspace, 'main.db'), join(root, workspace, 'main.db.away')];
    renameSync(here, away);
    setTimeout(() => renameSync(away, here), 500);
  });
  const job = await start(steps, workspace);
  await job.handle.result();
  assert.ok(isAway);
  assert.deepEqual((await statusOf(job.handle)).ending ?? [], []);
  const next = await start([write('mine')], workspace);
  await next.handle.result();
});
