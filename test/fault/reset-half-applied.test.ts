/**
 * On a real server, a Workflow is reset to before a half-applied step, and requests it again or goes another way.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import protos from '@temporalio/proto';
import { HoldfastError } from '../../src/model/failure.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { untilStatus } from '../support/job-status.ts';
import { stepRecordsOf } from '../support/ledger.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';
import { goSignal, twoWays } from '../support/two-ways-workflow.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-reset-'));

after(() => setFaultHook(undefined));
testWorker(temporal, {
  taskQueue,
  root,
  workflows: new URL('../support/two-ways-workflow.ts', import.meta.url).pathname,
});

after(() => rmSync(root, { recursive: true, force: true }));

/**
 * A job whose step `write` has replaced the file and can't go on. It is reset to before the Signal that chose its way.
 */
async function resetHalfApplied(workspace: string): Promise<WorkflowHandle<typeof twoWays>> {
  const { workflowId } = await temporal.client.workflow.start(twoWays, {
    workflowId: temporal.unique('job'),
    taskQueue,
    args: [{ workspace }],
  });
  const handle = temporal.client.workflow.getHandle<typeof twoWays>(workflowId);
  await untilStatus(handle, ({ steps }) => steps.some(({ id, state }) => id === 'first' && state === 'done'));
  setFaultHook((point) => {
    if (point === 'read-back.after') throw new HoldfastError('storage-failed', 'The disk is gone.');
  });
  await handle.signal(goSignal, 'write');
  for (const end = Date.now() + 20_000; readFileSync(join(root, workspace, 'target.txt'), 'utf8') !== 'after\n';) {
    assert.ok(Date.now() < end);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { events } = await handle.fetchHistory();
  const scheduled = events!.findIndex((event) => event.activityTaskScheduledEventAttributes?.activityId === 'write');
  const signalled = events!.findIndex((event) => event.workflowExecutionSignaledEventAttributes != null);
  assert.ok(signalled >= 0 && signalled < scheduled);
  const task = events!.slice(0, signalled).findLast((event) => event.workflowTaskCompletedEventAttributes != null)!;
  await temporal.connection.workflowService.resetWorkflowExecution({
    namespace: temporal.namespace,
    workflowExecution: { workflowId },
    reason: 'test',
    workflowTaskFinishEventId: task.eventId!,
    requestId: temporal.unique('reset'),
    resetReapplyExcludeTypes: [protos.temporal.api.enums.v1.ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL],
  });
  setFaultHook(undefined);
  return handle;
}

test('a step that is asked for again goes on by itself', async () => {
  const handle = await resetHalfApplied('again');
  await handle.signal(goSignal, 'write');
  assert.equal(await handle.result(), 'write');
  assert.equal(readFileSync(join(root, 'again/copy.txt'), 'utf8'), 'after\n');
});

test('where the Workflow goes another way, the step is finished and put to a person; nobody waits for it', async () => {
  const handle = await resetHalfApplied('another');
  await handle.signal(goSignal, 'past');
  const { questions, jobId } = await untilStatus(handle, (status) => status.questions.length > 0);
  assert.deepEqual(
    questions[0]!.findings.map(({ resource, kind }) => `${resource} ${kind}`),
    ['step:write ahead-after-reset'],
  );
  await handle.signal('decide', {
    digest: questions[0]!.digest,
    answer: 'keep',
    by: 'test@example.com',
    reason: 'test',
  });
  assert.equal(await handle.result(), 'past');
  assert.equal(readFileSync(join(root, 'another/copy.txt'), 'utf8'), 'after\n');
  assert.equal(stepRecordsOf(join(root, 'another'), jobId, 'write').length, 1);
});
