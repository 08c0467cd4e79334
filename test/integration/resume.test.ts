/**
 * Jobs on a real server whose worker process is killed; the world changes meanwhile. Whatever resumes a job (another
 * worker, `temporal workflow reset`, continue-as-new), it asks before a further step runs.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { WorkflowHandle, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { untilStatus } from '../support/job-status.ts';
import { decisionsOf, stepRecordsOf } from '../support/ledger.ts';
import { aPerson, type Person } from '../support/person.ts';
import { testTemporal } from '../support/temporal.ts';
import { workerProcesses, type WorkerProcess } from '../support/worker-process.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-resume-'));
let person: Person;
let worker: WorkerProcess;
let startWorker: () => Promise<WorkerProcess>;

before(async () => {
  person = await aPerson();
  startWorker = await workerProcesses({ address: temporal.address, namespace: temporal.namespace, taskQueue, root });
  worker = await startWorker();
});

after(async () => {
  await worker.end();
  await person.leave();
  rmSync(root, { recursive: true, force: true });
});

const write = (id: string, needs: readonly string[]): object => ({
  id,
  use: 'file.write',
  with: { path: `${id}.txt`, content: id },
  needs,
});

async function start(workspace: string, more: object = {}): Promise<WorkflowHandle<typeof agentJob>> {
  const plan = {
    schemaVersion: 1,
    name: 'resumed',
    workspace,
    steps: [
      write('a', []),
      write('b', ['a']),
      { id: 'pause', use: 'wait', with: { seconds: 4 }, needs: ['b'] },
      write('c', ['pause']),
    ],
  };
  return await temporal.client.workflow.start(agentJob, {
    workflowId: temporal.unique(workspace),
    taskQueue,
    args: [{ plan: plan as never, ...more }],
  });
}

const path = (workspace: string, place: string): string => join(root, workspace, place);
const read = (workspace: string, place: string): string => readFileSync(path(workspace, place), 'utf8');

/** Resets the Workflow to before the Activity of a step was scheduled. */
async function resetToBefore(handle: WorkflowHandle, stepId: string): Promise<void> {
  const { events } = await handle.fetchHistory();
  const scheduled = events?.find(
    ({ activityTaskScheduledEventAttributes: at }) =>
      at?.activityId?.startsWith(stepId) === true && at.activityType?.name === 'runStep',
  );
  assert.ok(scheduled, `the history has no Activity of step ${stepId}`);
  await temporal.connection.workflowService.resetWorkflowExecution({
    namespace: temporal.namespace,
    workflowExecution: { workflowId: handle.workflowId },
    reason: 'test',
    requestId: temporal.unique('reset'),
    workflowTaskFinishEventId: scheduled.activityTaskScheduledEventAttributes!.workflowTaskCompletedEventId!,
  });
}

/** Waits until step `b` is done; the status of a continued Run shows it, too. */
async function pausing(handle: WorkflowHandle, workspace: string): Promise<void> {
  await untilStatus(
    handle,
    ({ steps }) =>
      existsSync(path(workspace, 'b.txt')) && steps.some(({ id, state }) => id === 'b' && state === 'done'),
  );
}

let emptied: WorkflowHandle<typeof agentJob>;

const by = { by: 'reader@example.com', reason: 'test' };

test('after SIGKILL, reset and continue-as-new, a person’s change is asked about before a further step', async () => {
  const names = ['killed', 'reset', 'continued', 'unchanged'];
  const [killed, reset, continued, unchanged] = [
    await start('killed'),
    await start('reset'),
    await start('continued', { continueAsNewAfterEvents: 12 }),
    await start('unchanged'),
  ];
  emptied = await start('emptied');
  await pausing(emptied, 'emptied');
  for (const [index, handle] of [killed, reset, continued, unchanged].entries()) await pausing(handle, names[index]!);
  await worker.kill();
  for (const name of names.slice(0, -1))
    await person.does({ do: 'write', path: path(name, 'a.txt'), content: 'edited by a person' });
  await person.does(
    { do: 'copy', from: path('emptied', '.'), to: path('away', '.') },
    { do: 'remove', path: path('emptied', '.') },
    { do: 'folder', path: path('emptied', '.') },
  );
  await resetToBefore(reset, 'b');
  worker = await startWorker();

  const handles = {
    killed,
    reset: temporal.client.workflow.getHandle(reset.workflowId),
    continued: temporal.client.workflow.getHandle(continued.workflowId),
  };
  for (const [name, handle] of Object.entries(handles)) {
    const { questions, jobId } = await untilStatus(handle, (status) => status.questions.length > 0);
    const finding = questions[0]!.findings.find(({ resource }) => resource === 'file:a.txt');
    assert.ok(finding, `${name}: ${JSON.stringify(questions)}`);
    assert.match(finding.difference, /-a\n[\s\S]*\+edited by a person/);
    assert.equal(existsSync(path(name, 'c.txt')), false, 'no further step has run');
    assert.equal(read(name, 'a.txt'), 'edited by a person');
    assert.deepEqual(decisionsOf(join(root, name), jobId), []);
    const ahead = questions[0]!.findings
      .filter(({ kind }) => kind === 'ahead-after-reset')
      .map(({ resource }) => resource);
    assert.deepEqual(ahead, name === 'reset' ? ['step:b'] : []);
    const items = { 'file:a.txt': 'restore', ...(name === 'reset' ? { 'step:b': 'keep' } : {}) };
    await handle.signal('decide', { digest: questions[0]!.digest, items, ...by });
  }
  for (const [name, handle] of Object.entries({ ...handles, unchanged })) {
    await handle.result();
    assert.equal(['a', 'b', 'c'].map((place) => read(name, `${place}.txt`)).join(''), 'abc', name);
    const jobId = (await untilStatus(handle, () => true)).jobId;
    for (const stepId of ['a', 'b', 'c'])
      assert.equal(stepRecordsOf(join(root, name), jobId, stepId).length, 1, `${name}: ${stepId} once`);
  }
  const { runId } = await handles.continued.describe();
  assert.notEqual(
    runId,
    (continued as WorkflowHandleWithFirstExecutionRunId).firstExecutionRunId,
    'it went on in a new Run',
  );
});

test('a job whose workspace is emptied while its worker is dead says so, and goes on once it is back', async () => {
  const handle = emptied;
  const { questions } = await untilStatus(handle, (status) => status.questions.length > 0);
  assert.equal(questions[0]!.findings[0]!.kind, 'ledger-missing');
  assert.deepEqual(questions[0]!.findings[0]!.answers, ['rebuild', 'recheck', 'abort']);
  assert.equal(existsSync(path('emptied', 'c.txt')), false);
  await person.does(
    { do: 'remove', path: path('emptied', '.') },
    { do: 'copy', from: path('away', '.'), to: path('emptied', '.') },
  );
  await handle.signal('decide', { digest: questions[0]!.digest, answer: 'recheck', ...by });
  await handle.result();
  assert.equal(['a', 'b', 'c'].map((place) => read('emptied', `${place}.txt`)).join(''), 'abc');
});
