import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeOf } from '../../src/cli/status.ts';
import { statusMarkdown, stateText } from '../../src/model/job/status-text.ts';
import { waitAdvice, waitText, type WorkerWait } from '../../src/model/job/worker-wait.ts';

const wait: WorkerWait = {
  kind: 'no-worker',
  taskQueue: 'berlin',
  since: '2026-01-01T00:00:00.000Z',
  activity: 'runStep',
  stepId: 'draft',
};
const job = { workflowId: 'weather-1', workspace: 'jobs/paris' };

test('a wait says what waits, since when, where, and who had it last', () => {
  assert.equal(
    waitText({ ...wait, lastWorker: '7@host-a:1' }),
    "No worker has this job's workspace since 2026-01-01T00:00:00.000Z: step draft waits on Task Queue berlin. " +
      'The last worker that had it was 7@host-a:1.',
  );
  assert.match(waitText({ ...wait, activity: 'undoStep' }), /the undoing of step draft waits/);
  assert.match(waitText({ kind: 'no-worker', taskQueue: 'q', since: 'then' }), /the Workflow waits on Task Queue q\.$/);
  assert.match(
    waitText({ ...wait, kind: 'no-free-slot' }),
    /^Step draft waits for a free slot since .* All their slots/,
  );
});

test('the advice has commands that can be typed: the Task Queue, the version, the root of a relative workspace', () => {
  const version = { deploymentName: 'reports', buildId: '2', behavior: 'pinned' } as const;
  const [start, , end] = waitAdvice(wait, { ...job, version });
  assert.match(
    start!,
    /workspace jobs\/paris, .*: holdfast worker --task-queue berlin --deployment-name reports --build-id 2 --work/,
  );
  assert.match(end!, /temporal workflow terminate --workflow-id weather-1 /);
  assert.doesNotMatch(waitAdvice(wait, { ...job, workspace: '/jobs/paris' })[0]!, /--workspace-root/);
});

test('the details in Temporal’s UI begin with the wait and name the command; a question comes first', () => {
  const status = { ...job, name: 'weather', state: 'running', steps: [], questions: [], refusals: [] } as const;
  const shown = { ...status, steps: [], questions: [], refusals: [], waitsForWorker: wait };
  const details = statusMarkdown(shown);
  assert.match(details, /^\*\*weather\*\* is waiting for a worker\n/);
  assert.match(
    details,
    /### No worker\nNo worker has this job's workspace since .*\n- Start one .*`holdfast worker --t/,
  );
  assert.equal(stateText({ ...shown, state: 'waiting' }), 'waiting for a decision');
});

test('a job without a worker ends status with 5, one that waits for a person with 3, a busy one with 0', () => {
  assert.equal(codeOf({ state: 'running', waitsForWorker: wait }), 5);
  assert.equal(codeOf({ state: 'waiting', waitsForWorker: wait }), 3);
  assert.equal(codeOf({ state: 'running', waitsForWorker: { ...wait, kind: 'no-free-slot' } }), 0);
});
