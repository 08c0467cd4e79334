/**
 * What real workers, locks and resets bring about in the ordinary course of things, and a workspace that another job
 * has: no failure in the SDK's metrics, no line above DEBUG but the one that its core writes.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, mock, test } from 'node:test';
import * as z from 'zod';
import { connectHoldfast, type HoldfastClient } from '../../src/client.ts';
import { freePort } from '../../src/dev-server/ports.ts';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import { createWorker, type HoldfastWorker } from '../../src/worker.ts';
import { testBundle } from '../support/bundle.ts';
import { CountingServer } from '../support/counting-server.ts';
import { testTemporal } from '../support/temporal.ts';
import { until, untilTrue } from '../support/until.ts';
import { workerProcesses } from '../support/worker-process.ts';

const LIMIT = { limitMs: 60_000 };
const temporal = await testTemporal();
const { address, namespace } = temporal;
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-expected-')));
const taskQueue = temporal.unique('queue');
const port = await freePort();
const endpoint = await CountingServer.start();
const lines: Record<string, unknown>[] = [];
let worker: HoldfastWorker;
let running: Promise<void>;
let client: HoldfastClient;
/** The Activity that a killed worker was running. */
let lost: string;

let attempts = 0;
let letGo = (): void => undefined;
const isLetGo = new Promise<void>((resolve) => (letGo = resolve));
const slow = implementStep(
  defineStep({ name: 'slow', input: z.strictObject({}), output: z.strictObject({}) }),
  async () => {
    // The first attempt alone, which a reset leaves behind.
    if (++attempts === 1) await isLetGo;
    return {};
  },
);

let mayApply = (): void => undefined;
const isAsked = new Promise<void>((resolve) => (mayApply = resolve));
const nothing = z.strictObject({});
/** Is about to apply when a person is asked about the world. */
const late = implementStep(defineStep({ name: 'late', input: nothing, output: nothing }), async (ctx) => {
  await ctx.files.write('late', 'late');
  await isAsked;
  return {};
});
/** Somebody writes into a file while it runs. */
const disturbed = implementStep(defineStep({ name: 'disturbed', input: nothing, output: nothing }), async (ctx) => {
  writeFileSync(join(root, 'held/seed'), 'by somebody else');
  await ctx.files.readText('seed');
  return {};
});

async function start(workspace: string, steps: readonly object[]): Promise<string> {
  const workflowId = temporal.unique(workspace);
  const plan = { schemaVersion: 1, name: 'expected', workspace, http: { hosts: [endpoint.url] }, steps };
  await client.start(plan as never, { workflowId });
  return workflowId;
}

const outcomes = (job: string): readonly unknown[] =>
  lines
    .filter((line) => line['job'] === job && String(line['message']) === 'Activity failed')
    .map(({ level, outcome }) => `${String(level)} ${String(outcome)}`);

before(async () => {
  client = await connectHoldfast({ address, namespace, taskQueue });
  const startProcess = await workerProcesses({ address, namespace, taskQueue, root });
  const predecessor = await startProcess();
  endpoint.next('silent');
  lost = await start('lost', [{ id: 'ask', use: 'http', with: { url: `${endpoint.url}/a`, method: 'GET' } }]);
  await untilTrue(() => endpoint.requests.length === 1, LIMIT);
  await predecessor.kill();
  mock.method(process.stderr, 'write', (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) > 0);
  worker = await createWorker({
    address,
    namespace,
    taskQueue,
    workspaceRoot: root,
    steps: [slow, late, disturbed],
    heartbeatIntervalMs: 60_000,
    workflowBundle: await testBundle(),
    env: { HOLDFAST_STATE_DIR: join(root, 'state') },
    telemetry: { metrics: { prometheus: { bindAddress: `127.0.0.1:${port}` } } },
    logFormat: 'json',
  });
  running = worker.run();
});

after(async () => {
  mock.restoreAll();
  worker.shutdown();
  await running;
  await client.close();
  await endpoint.close();
  rmSync(root, { recursive: true, force: true });
});

test('a worker that is killed is said to be lost by its successor', async () => {
  assert.equal((await client.result(lost, { wait: true })).outcome, 'completed');
  const { events } = await temporal.client.workflow.getHandle(lost).fetchHistory();
  const failures = events!.flatMap(({ activityTaskStartedEventAttributes: started }) => {
    const failure = started?.lastFailure?.applicationFailureInfo;
    return failure == null ? [] : [`${String(failure.type)} ${String(failure.category)}`];
  });
  assert.deepEqual(failures, ['worker-lost 1']);
});

test('a lock that another process holds is busy, until it is let go', async () => {
  const directory = join(root, 'busy/.holdfast');
  mkdirSync(directory, { recursive: true });
  const child = join(import.meta.dirname, 'lock-child.ts');
  const holder = spawn(process.execPath, [child, directory, 'test', '100000'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(holder, 'close');
  await once(holder.stdout, 'data');
  const job = await start('busy', [{ id: 'write', use: 'file.write', with: { path: 'a', content: 'a' } }]);
  // So long an Activity waits for a lock.
  await untilTrue(() => outcomes(job).length > 0, { limitMs: 90_000 });
  holder.kill('SIGKILL');
  await ended;
  assert.equal((await client.result(job, { wait: true })).outcome, 'completed');
  assert.deepEqual([...new Set(outcomes(job))], ['DEBUG busy']);
});

test('an attempt that a reset leaves behind is fenced', async () => {
  const job = await start('reset', [{ id: 'slow', use: 'slow', with: {}, retry: { maxAttempts: 1 } }]);
  await untilTrue(() => attempts === 1, LIMIT);
  const { events } = await temporal.client.workflow.getHandle(job).fetchHistory();
  const first = events!.find(({ workflowTaskCompletedEventAttributes: completed }) => completed != null);
  await temporal.connection.workflowService.resetWorkflowExecution({
    namespace,
    workflowExecution: { workflowId: job },
    workflowTaskFinishEventId: first!.eventId!,
    requestId: temporal.unique('reset'),
  });
  assert.equal((await client.result(job, { wait: true })).outcome, 'completed');
  letGo();
  await untilTrue(() => outcomes(job).length > 0, LIMIT);
  assert.deepEqual(outcomes(job), ['DEBUG fenced']);
});

test('a step that comes to apply while a person is asked about the world is held', async () => {
  const job = await start('held', [
    { id: 'seed', use: 'file.write', with: { path: 'seed', content: 'seed' } },
    { id: 'late', use: 'late', with: {}, needs: ['seed'] },
    { id: 'disturbed', use: 'disturbed', with: {}, needs: ['seed'] },
  ]);
  const [question] = await until(
    () => client.questions(job),
    (questions) => questions.length > 0,
    LIMIT,
  );
  mayApply();
  const held = (): boolean => lines.some((line) => line['job'] === job && line['outcome'] === 'held');
  await untilTrue(held, LIMIT);
  assert.throws(() => readFileSync(join(root, 'held/late')), { code: 'ENOENT' });
  await client.decide(job, { digest: question!.digest, answer: 'accept', by: 'test', reason: 'so be it' });
  assert.equal((await client.result(job, { wait: true })).outcome, 'completed');
  assert.equal(readFileSync(join(root, 'held/late'), 'utf8'), 'late');
  assert.deepEqual(outcomes(job), []);
});

test('a workspace that another job has is a question', async () => {
  const first = await start('shared', [{ id: 'wait', use: 'wait', with: { seconds: 600 } }]);
  await untilTrue(() => lines.some(({ job, outcome }) => job === first && outcome === 'verified'), LIMIT);
  const second = await start('shared', [{ id: 'write', use: 'file.write', with: { path: 'a', content: 'a' } }]);
  await untilTrue(async () => (await client.questions(second)).length > 0, LIMIT);
  assert.deepEqual(outcomes(second), []);
  for (const job of [first, second]) await temporal.client.workflow.getHandle(job).terminate();
});

test('of all that no failure is counted, and no line of Holdfast’s is above DEBUG', async () => {
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  assert.match(metrics, /^temporal_activity_execution_latency_count\{[^}]*activity_type="runStep"/m);
  const failed = metrics.split('\n').filter((line) => line.startsWith('temporal_activity_execution_failed{'));
  assert.deepEqual(failed, []);
  const told = lines.filter(({ level }) => level !== 'DEBUG');
  // What came of the attempt that the reset left behind: the server takes it no more.
  assert.deepEqual(
    told.map(({ sdkComponent, message }) => `${String(sdkComponent)}: ${String(message).split('.')[0]!}`),
    ['core: Activity not found on completion'],
  );
});
