/** A user's own Workflow on a real server: typed steps in loops, restart after a rerun, continue-as-new. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { implementStep } from '../../src/model/step/step.ts';
import type { JobStatus } from '../../src/model/job/status.ts';
import { measureStep, ownWorkflow, summariseStep } from '../support/own-workflow.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilStatus } from '../support/job-status.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-open-job-'));
const runs: string[] = [];
/** A job that took another one's place would wait for ever. */
const LIMIT = { timeout: 30_000 };

/** Four of these are all that a Run hands on. */
const LARGE = 'x'.repeat(240 * 1024);

const measure = implementStep(measureStep, async (ctx, { path }) => {
  runs.push(`${path} ${ctx.generation}`);
  const { length } = await ctx.files.readText(path);
  await ctx.files.write(`${path}.length`, `${length}\n`);
  return path.startsWith('large') ? { length, text: LARGE } : { length };
});
const summarise = implementStep(summariseStep, async (ctx, { lengths }) => {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  await ctx.files.write('total', `${total}\n`);
  return { total };
});

testWorker(temporal, {
  taskQueue,
  root,
  steps: [measure, summarise],
  workflows: new URL('../support/own-workflow.ts', import.meta.url).pathname,
});

after(() => rmSync(root, { recursive: true, force: true }));

function workspaceWith(name: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(join(root, name));
  for (const [path, content] of Object.entries(files)) writeFileSync(join(root, name, path), content);
  runs.length = 0;
  return name;
}

test('steps in a loop have an id each, typed outputs, and branches decide from them', async () => {
  const workspace = workspaceWith('loop', { a: '123', b: '1234567' });
  const result = await temporal.client.workflow.execute(ownWorkflow, {
    workflowId: temporal.unique('own'),
    taskQueue,
    args: [{ workspace, paths: ['a', 'b'], waitMs: 1 }],
  });
  assert.deepEqual(result, { total: 10, long: 1 });
  assert.deepEqual(runs, ['a 0', 'b 0']);
});

test('a rerun of a finished step restarts the Workflow: void steps run again, others answer from records', async () => {
  const workspace = workspaceWith('rerun', { a: '123', b: '1234567' });
  const handle = await temporal.client.workflow.start(ownWorkflow, {
    workflowId: temporal.unique('own'),
    taskQueue,
    args: [{ workspace, paths: ['a', 'b'], waitMs: 1500 }],
  });
  await untilStatus(handle, (status) => status.steps.filter(({ state }) => state === 'done').length === 2);
  writeFileSync(join(root, workspace, 'b'), '12');
  const { questions } = await untilStatus(handle, (status) => status.questions.length > 0);
  assert.deepEqual(questions[0]!.findings[0]!.rerunSteps, ['measure#2']);
  await handle.signal('decide', {
    digest: questions[0]!.digest,
    answer: 'rerun',
    by: 'test@example.com',
    reason: 'b is right now',
  });
  assert.deepEqual(await handle.result(), { total: 5, long: 0 });
  assert.deepEqual(runs, ['a 0', 'b 0', 'b 1']);
  assert.equal(readFileSync(join(root, workspace, 'b.length'), 'utf8'), '2\n');
  const { events } = await temporal.client.workflow.getHandle(handle.workflowId).fetchHistory();
  const timers = events!.flatMap(({ timerStartedEventAttributes: timer }) => timer?.startToFireTimeout ?? []);
  assert.deepEqual(
    timers.filter(({ seconds }) => Number(seconds ?? 0) > 0),
    [],
    'what has been slept is not slept again',
  );
});

test('continue-as-new at a threshold keeps the job: its id, its record, its results', async () => {
  const paths = ['a', 'b', 'c', 'd', 'e', 'f'];
  const workspace = workspaceWith('long', Object.fromEntries(paths.map((path) => [path, path])));
  const handle = await temporal.client.workflow.start(ownWorkflow, {
    workflowId: temporal.unique('own'),
    taskQueue,
    args: [{ workspace, paths, waitMs: 1, continueAsNewAfterEvents: 30 }],
  });
  assert.deepEqual(await handle.result(), { total: 6, long: 0 });
  assert.deepEqual(
    runs,
    paths.map((path) => `${path} 0`),
    'each step ran once in the whole chain',
  );
  const last = await temporal.client.workflow.getHandle(handle.workflowId).describe();
  assert.notEqual(last.runId, handle.firstExecutionRunId, 'there was a continue-as-new');
  const memo = Object.values(last.raw.workflowExecutionInfo?.memo?.fields ?? {});
  const memoBytes = memo.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
  assert.ok(memoBytes > 0 && memoBytes < 500, `a place in the chain and nothing else: ${memoBytes} bytes`);
  const status = await temporal.client.workflow.getHandle(handle.workflowId).query<JobStatus>('status');
  assert.equal(status.jobId, `${handle.workflowId}@${handle.firstExecutionRunId}`);
});

test(
  'results that a new Run is not given are read from the record, and no step is requested again',
  LIMIT,
  async () => {
    const paths = Array.from({ length: 10 }, (_, place) => `large${place}`);
    const workspace = workspaceWith('recalled', Object.fromEntries(paths.map((path) => [path, path])));
    const handle = await temporal.client.workflow.start(ownWorkflow, {
      workflowId: temporal.unique('own'),
      taskQueue,
      args: [{ workspace, paths, waitMs: 1, continueAsNewAfterEvents: 30 }],
    });
    assert.deepEqual(await handle.result(), { total: 60, long: 10 });
    const chain = await requestedInChain(handle.workflowId);
    // Within a Run a step is asked for again where a comparison is due first.
    const steps = chain.flatMap((requested) => [...new Set(requested.filter((id) => id !== 'recall'))]);
    assert.deepEqual(steps.length, new Set(steps).size, JSON.stringify(chain));
    assert.ok(chain.length >= 3 && chain.flat().includes('recall'), JSON.stringify(chain));
  },
);

/** What each Run of a job has requested: the ids of steps, and `recall`. */
async function requestedInChain(workflowId: string): Promise<readonly (readonly string[])[]> {
  const chain: string[][] = [];
  let runId: string | undefined = (await temporal.client.workflow.getHandle(workflowId).describe()).runId;
  while (runId !== undefined && runId !== '') {
    const { events } = await temporal.client.workflow.getHandle(workflowId, runId).fetchHistory();
    chain.push(
      (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) => {
        const name = scheduled?.activityType?.name;
        if (name === 'recall') return [name];
        return name === 'runStep' ? [scheduled!.activityId!] : [];
      }),
    );
    runId = events![0]!.workflowExecutionStartedEventAttributes!.continuedExecutionRunId ?? undefined;
  }
  return chain;
}

test("a job that is started with another one's copied arguments starts at its own beginning", LIMIT, async () => {
  const paths = ['a', 'b', 'c', 'd', 'e', 'f'];
  const workspace = workspaceWith('copied-from', Object.fromEntries(paths.map((path) => [path, path])));
  const handle = await temporal.client.workflow.start(ownWorkflow, {
    workflowId: temporal.unique('own'),
    taskQueue,
    args: [{ workspace, paths, waitMs: 1, continueAsNewAfterEvents: 30 }],
  });
  await handle.result();
  const { events } = await temporal.client.workflow.getHandle(handle.workflowId).fetchHistory();
  const { input } = events![0]!.workflowExecutionStartedEventAttributes!;
  assert.equal(input?.payloads?.length, 2, 'what was carried over is an argument of its own');
  runs.length = 0;
  const workflowId = temporal.unique('own');
  await temporal.connection.workflowService.startWorkflowExecution({
    namespace: temporal.namespace,
    workflowId,
    workflowType: { name: 'ownWorkflow' },
    taskQueue: { name: taskQueue },
    input,
    requestId: workflowId,
  });
  assert.deepEqual(await temporal.client.workflow.getHandle(workflowId).result(), { total: 6, long: 0 });
  assert.equal(runs.length, 6, 'it ran all of its steps itself');
});
