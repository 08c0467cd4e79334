/** A job that asked about drift and for an approval, reset to each event that it can be reset to: all end well. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { FindingClass } from '../../src/model/question/answer.ts';
import { base, decision, write } from '../replay/scenario.ts';
import { statusOf, untilAsked, untilStatus } from '../support/job-status.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-resets-'));
testWorker(temporal, { taskQueue, root });
after(() => rmSync(root, { recursive: true, force: true }));

/** What a person answers, whatever is asked. */
const ANSWERS: Partial<Record<FindingClass, string>> = { discrepancy: 'accept', approval: 'approve', ahead: 'keep' };

const pause = { id: 'pause', use: 'wait', with: { seconds: 1 }, needs: ['a'] };
const steps = [write('a'), pause, { ...write('b', ['pause']), approval: 'before-apply' }, write('c', ['b'])];

async function start(): Promise<{ readonly handle: WorkflowHandle; readonly workspace: string }> {
  const workspace = temporal.unique('workspace');
  mkdirSync(join(root, workspace));
  const workflowId = temporal.unique('job');
  const plan = { ...base, name: 'resets', verifyAfterMinutes: 0.005, steps };
  await temporal.client.workflow.start('agentJob', { workflowId, taskQueue, args: [{ plan, workspace }] });
  const handle = temporal.client.workflow.getHandle(workflowId);
  await untilStatus(handle, (status) => status.steps.some(({ id, state }) => id === 'a' && state === 'done'));
  writeFileSync(join(root, workspace, 'a.txt'), 'edited');
  return { handle, workspace };
}

/** Answers what is asked until the job has ended; returns what was asked. */
async function answerAll(handle: WorkflowHandle, reason: string, answers = ANSWERS): Promise<string[]> {
  const asked: string[] = [];
  for (;;) {
    const { isOver, question } = await until(
      async () => {
        const [{ status }, { questions }] = [await handle.describe(), await statusOf(handle)];
        return { isOver: status.name !== 'RUNNING', question: questions[0] };
      },
      (seen) => seen.isOver || seen.question !== undefined,
      { limitMs: 30_000 },
    );
    if (isOver || question === undefined) return asked;
    const answer = answers[question.kind];
    assert.ok(answer !== undefined, `${reason}: no answer for a question of ${question.kind}: ${question.why}`);
    asked.push(`${question.kind} ${answer}`);
    assert.ok(asked.length < 12, `${reason}: asked for ever: ${asked.join(', ')}`);
    await handle
      .executeUpdate('decide', { args: [{ ...decision(question.digest, answer), reason }] })
      .catch((error: unknown) => {
        // A decision that the reset applies again may have answered meanwhile; what is still asked is seen next.
        if (!isRefusal(error)) throw error;
      });
  }
}

function isRefusal(error: unknown): boolean {
  const cause = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
  return cause instanceof ApplicationFailure && cause.type === 'decision-refused';
}

for (const [name, reapplied] of [
  ['nothing is applied again', [1, 2]],
  ['the decisions are applied again', []],
] as const)
  test(`reset to any event, where ${name}, the job ends well`, { timeout: 400_000 }, async () => {
    const { handle, workspace } = await start();
    await untilAsked(handle);
    assert.deepEqual(await answerAll(handle, 'the first time'), ['discrepancy accept', 'approval approve']);
    const { runId } = await handle.describe();
    const { events } = await handle.fetchHistory();
    const places = events!.filter(({ workflowTaskCompletedEventAttributes: task }) => task).map((one) => one.eventId!);
    assert.ok(places.length > 8);
    for (const place of places) {
      const workflowExecution = { workflowId: handle.workflowId, runId };
      await temporal.connection.workflowService.resetWorkflowExecution({
        namespace: temporal.namespace,
        workflowExecution,
        workflowTaskFinishEventId: place,
        requestId: temporal.unique('reset'),
        resetReapplyExcludeTypes: [...reapplied],
      });
      const current = temporal.client.workflow.getHandle(handle.workflowId);
      await answerAll(current, `reset to ${String(place)}`);
      assert.equal((await current.describe()).status.name, 'COMPLETED', `reset to ${String(place)}`);
      const contents = ['a', 'b', 'c'].map((id) => readFileSync(join(root, workspace, `${id}.txt`), 'utf8'));
      assert.deepEqual(contents, ['edited', 'b', 'c'], `reset to ${String(place)}`);
    }
  });

test('reset to any event, where what is forgotten is undone, the job ends well', { timeout: 400_000 }, async () => {
  const workspace = temporal.unique('workspace');
  mkdirSync(join(root, workspace));
  const workflowId = temporal.unique('job');
  const plan = { ...base, name: 'resets', steps };
  await temporal.client.workflow.start('agentJob', { workflowId, taskQueue, args: [{ plan, workspace }] });
  const handle = temporal.client.workflow.getHandle(workflowId);
  await untilAsked(handle);
  assert.deepEqual(await answerAll(handle, 'the first time'), ['approval approve']);
  // Each time the newest Run: an earlier one takes for done what an undoing since has made run again, and asks.
  const placesOf = async () => {
    const { events } = await handle.fetchHistory();
    return events!.filter(({ workflowTaskCompletedEventAttributes: task }) => task).map((one) => one.eventId!);
  };
  const asked = new Set<string>();
  for (let at = 0, { length } = await placesOf(); at < length; at++) {
    const { runId } = await handle.describe();
    const place = (await placesOf())[at]!;
    await temporal.connection.workflowService.resetWorkflowExecution({
      namespace: temporal.namespace,
      workflowExecution: { workflowId, runId },
      workflowTaskFinishEventId: place,
      requestId: temporal.unique('reset'),
      resetReapplyExcludeTypes: [1, 2],
    });
    for (const one of await answerAll(handle, `reset to ${String(place)}`, { ...ANSWERS, ahead: 'undo' }))
      asked.add(one);
    assert.equal((await handle.describe()).status.name, 'COMPLETED', `reset to ${String(place)}`);
    const contents = ['a', 'b', 'c'].map((id) => readFileSync(join(root, workspace, `${id}.txt`), 'utf8'));
    assert.deepEqual(contents, ['a', 'b', 'c'], `reset to ${String(place)}`);
  }
  assert.ok(asked.has('ahead undo'));
});

test(
  'reset to any event after a decision that took a step back, the job takes it for taken back, and ends well',
  {
    timeout: 400_000,
  },
  async () => {
    const { handle, workspace } = await start();
    await untilAsked(handle);
    assert.deepEqual(await answerAll(handle, 'the first time', { ...ANSWERS, discrepancy: 'rerun' }), [
      'discrepancy rerun',
      'approval approve',
    ]);
    const { runId } = await handle.describe();
    const { events } = await handle.fetchHistory();
    const repair = events!.find(({ activityTaskScheduledEventAttributes: a }) => a?.activityType?.name === 'repair');
    const places = events!
      .filter(({ workflowTaskCompletedEventAttributes: task }) => task)
      .map((one) => one.eventId!)
      .filter((id) => Number(id) > Number(repair!.eventId));
    assert.ok(places.length > 4);
    for (const place of places) {
      await temporal.connection.workflowService.resetWorkflowExecution({
        namespace: temporal.namespace,
        workflowExecution: { workflowId: handle.workflowId, runId },
        workflowTaskFinishEventId: place,
        requestId: temporal.unique('reset'),
        resetReapplyExcludeTypes: [1, 2],
      });
      const current = temporal.client.workflow.getHandle(handle.workflowId);
      await answerAll(current, `reset to ${String(place)}`);
      assert.equal((await current.describe()).status.name, 'COMPLETED', `reset to ${String(place)}`);
      const contents = ['a', 'b', 'c'].map((id) => readFileSync(join(root, workspace, `${id}.txt`), 'utf8'));
      assert.deepEqual(contents, ['a', 'b', 'c'], `reset to ${String(place)}`);
    }
  },
);
