/**
 * `abort` with `compensate` on a real server: what is undone is in the history, step by step; by plain Signal, Update
 * and client.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { promisify } from 'node:util';
import type { WorkflowHandle } from '@temporalio/client';
import * as z from 'zod';
import { findTemporal } from '../../src/dev-server/find.ts';
import { HoldfastClient } from '../../src/client/jobs.ts';
import type { JobStatus } from '../../src/model/job/status.ts';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { CountingServer } from '../support/counting-server.ts';
import { untilStatus } from '../support/job-status.ts';
import { chainOf } from '../support/ledger.ts';
import { testWorker } from '../support/running-worker.ts';
import { callsOf, prepareSagaWorld, SAGA, sagaPlan, sagaSteps, worldOf } from '../support/saga.ts';
import { testTemporal } from '../support/temporal.ts';
import type { stepwise } from '../support/saga-workflow.ts';

const run = promisify(execFile);
const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-undo-job-'));
const server = await CountingServer.start();
const client = new HoldfastClient({
  client: temporal.client,
  connection: temporal.connection,
  address: temporal.address,
  taskQueue,
});
let patientStarted = 0;

const patient = implementStep(
  defineStep({ name: 'patient', input: z.strictObject({}), output: z.strictObject({}) }),
  async (ctx) => {
    await ctx.files.write('never.txt', 'never');
    patientStarted += 1;
    await new Promise<void>((resolve) => ctx.signal.addEventListener('abort', () => resolve(), { once: true }));
    ctx.signal.throwIfAborted();
    return {};
  },
);

testWorker(temporal, {
  taskQueue,
  root,
  steps: [...sagaSteps({ url: server.url }), patient],
  workflows: new URL('../support/saga-workflow.ts', import.meta.url).pathname,
});

afterEach(() => setFaultHook(undefined));

after(async () => {
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

const plan = sagaPlan(server.url);

async function place(name: string): Promise<{ readonly workspace: string; readonly databaseUrl: string }> {
  const workspace = join(root, name);
  mkdirSync(workspace, { recursive: true });
  const places = { workspace, databaseUrl: `sqlite:${workspace}/db/main.db` };
  await prepareSagaWorld(places);
  return places;
}

/** Starts the saga as a plan; its last step asks for an approval. */
const startSaga = (workspace: string): Promise<WorkflowHandle<typeof agentJob>> =>
  temporal.client.workflow.start(agentJob, {
    workflowId: temporal.unique('saga'),
    taskQueue,
    args: [{ plan, workspace }],
  });

const UNDO_ALL = { answer: 'abort', compensate: true, by: 'ada@example.com', reason: 'over' } as const;

const asks = (handle: WorkflowHandle): Promise<JobStatus> =>
  untilStatus(handle, (status) => status.questions.length > 0, 30_000);

async function undone(handle: WorkflowHandle): Promise<readonly string[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap((event) => {
    const data = event.userMetadata?.summary?.data;
    const text = data == null ? '' : (JSON.parse(Buffer.from(data).toString()) as string);
    return event.activityTaskScheduledEventAttributes?.activityType?.name === 'undoStep' ? [text] : [];
  });
}

test(
  'a job aborted by a plain Signal of the temporal command line is undone newest first, each step in the history',
  { timeout: 60_000 },
  async () => {
    const places = await place('signal');
    const before = await worldOf(places);
    const asked = server.requests.length;
    const handle = await startSaga(places.workspace);
    const { questions } = await asks(handle);
    assert.notDeepEqual(await worldOf(places), before);
    const found = await findTemporal({ address: false });
    const input = JSON.stringify({
      digest: questions[0]!.digest,
      answer: 'abort',
      compensate: true,
      by: 'ada@example.com',
      reason: 'not wanted any more',
    });
    await run(
      found.kind === 'executable' ? found.path : '',
      [
        'workflow',
        'signal',
        '--workflow-id',
        handle.workflowId,
        '--name',
        'decide',
        '--input',
        input,
        '--address',
        temporal.address,
        '--namespace',
        temporal.namespace,
      ],
      { env: { ...process.env, TEMPORAL_ADDRESS: undefined } },
    );
    const error = await handle.result().then(
      () => undefined,
      (caught: Error) => caught.cause as Error & { details: unknown[] },
    );
    assert.match(error!.message, /^Aborted by ada@example.com: not wanted any more\. Undone: 9 steps \(.*\)\.$/);
    assert.deepEqual(await worldOf(places), before);
    assert.deepEqual(
      server.requests.slice(asked).map(({ path }) => path),
      callsOf(SAGA.length),
    );
    assert.deepEqual(await undone(handle), SAGA.map(({ contract }) => `undo ${contract.name}`).reverse());
    const status = await handle.query<JobStatus>('status');
    assert.equal(status.state, 'aborted');
    assert.deepEqual(
      status.steps.map(({ id, state }) => [id, state]),
      [...SAGA.map(({ contract }) => [contract.name, 'undone']), ['asks', 'stopped']],
    );
    const records = chainOf(places.workspace, status.jobId);
    assert.deepEqual(
      records
        .filter(({ kind }) => kind === 'undoing' || kind === 'released')
        .map((record) => ('outcome' in record ? record.outcome : record.kind)),
      ['undoing', 'aborted'],
    );
    const result = await client.result(handle.workflowId);
    assert.equal(result.outcome, 'aborted');
    assert.ok('failure' in result && result.failure.message.includes('Undone: 9 steps'));
  },
);

test(
  'what somebody has changed since is asked about, by its name; the answer by Update; what is left is told',
  { timeout: 60_000 },
  async () => {
    const places = await place('changed');
    const before = await worldOf(places);
    const handle = await startSaga(places.workspace);
    await asks(handle);
    writeFileSync(join(places.workspace, 'last/file.txt'), 'Ada was here\n');
    await client.decide(handle.workflowId, UNDO_ALL);
    const { questions, state } = await asks(handle);
    assert.equal(state, 'waiting');
    assert.deepEqual(
      questions.map(({ kind, findings }) => [
        kind,
        findings.map(({ resource, kind: what, answers }) => [resource, what, answers]),
      ]),
      [['undo', [['file:last/file.txt', 'changed-since', ['skip', 'overwrite', 'recheck', 'abort']]]]],
    );
    assert.match(questions[0]!.findings[0]!.difference, /\+Ada was here/);
    assert.equal((await worldOf(places)).item.length, 6, 'nothing of that step is undone before the answer');
    const decided = await client.decide(handle.workflowId, {
      answer: 'skip',
      by: 'ada@example.com',
      reason: 'it is mine now',
    });
    assert.ok(decided.used !== null);
    await assert.rejects(handle.result(), (error: Error) =>
      (error.cause as Error).message.includes(
        'Not undone: file:last/file.txt (it had changed since step both, and stays as it is, ' +
          'as ada@example.com decided: it is mine now); file:last (',
      ),
    );
    const now = await worldOf(places);
    assert.deepEqual(
      { ...now, files: { ...now.files, 'last/file.txt': '', last: '' } },
      { ...before, files: { ...before.files, 'last/file.txt': '', last: '' } },
    );
    assert.equal(now.files['last/file.txt'], 'file 644 Ada was here\n');
    const status = await handle.query<JobStatus>('status');
    assert.equal(status.steps.find(({ id }) => id === 'both')!.state, 'partly-undone');
  },
);

test(
  'a running job is aborted without having been asked: what is in flight ends, what it did is undone',
  { timeout: 60_000 },
  async () => {
    const places = await place('running');
    const before = await worldOf(places);
    const steps = [plan.steps[0]!, plan.steps[1]!, { id: 'patient', use: 'patient', needs: ['replacing'] }];
    const handle = await temporal.client.workflow.start(agentJob, {
      workflowId: temporal.unique('saga'),
      taskQueue,
      args: [{ plan: { ...plan, steps }, workspace: places.workspace }],
    });
    await untilStatus(handle, () => patientStarted === 1);
    await handle.signal('abort', { compensate: 'yes', reason: 'over' });
    await untilStatus(handle, ({ refusals }) =>
      refusals.some(
        ({ problems }) =>
          problems.some((problem) => problem.startsWith('by: ')) &&
          problems.some((problem) => problem.startsWith('compensate: ')),
      ),
    );
    const aborted = await client.abort(
      handle.workflowId,
      { by: 'ada@example.com', reason: 'over', compensate: true },
      { wait: true },
    );
    assert.equal(aborted.result?.outcome, 'aborted');
    assert.deepEqual(await worldOf(places), before);
    assert.equal(existsSync(join(places.workspace, 'never.txt')), false);
    // The workspace is released: another job may use it.
    await temporal.client.workflow.execute(agentJob, {
      workflowId: temporal.unique('next'),
      taskQueue,
      args: [{ plan: { ...plan, steps: [plan.steps[0]!] }, workspace: places.workspace }],
    });
  },
);

test(
  "a Workflow of one's own is undone the same, and its undoing goes on in a new Run where the history is long",
  { timeout: 90_000 },
  async () => {
    const places = await place('own');
    const before = await worldOf(places);
    const handle = await temporal.client.workflow.start<typeof stepwise>('stepwise', {
      workflowId: temporal.unique('own'),
      taskQueue,
      args: [{ workspace: places.workspace, url: server.url, continueAsNewAfterEvents: 30 }],
    });
    await untilStatus(
      handle,
      (status) => status.steps.some(({ id, state }) => id === 'both' && state === 'done'),
      30_000,
    );
    await handle.signal('abort', { by: 'ada@example.com', reason: 'over', compensate: true });
    await assert.rejects(handle.result(), (error: Error) => /Undone: 9 steps/.test((error.cause as Error).message));
    assert.deepEqual(await worldOf(places), before);
    const runs: string[] = [];
    for await (const execution of temporal.client.workflow.list({ query: `WorkflowId = '${handle.workflowId}'` }))
      runs.push(execution.runId);
    const seen = await Promise.all(
      runs.map((runId) => undone(temporal.client.workflow.getHandle(handle.workflowId, runId))),
    );
    assert.ok(
      seen.filter((summaries) => summaries.length > 0).length > 1,
      `it was undone in more than one Run: ${JSON.stringify(seen)}`,
    );
    assert.deepEqual(seen.flat().length, SAGA.length);
  },
);

test(
  'an undoing whose answer is lost answers from its record when it is asked for again',
  { timeout: 60_000 },
  async () => {
    const places = await place('lost');
    const before = await worldOf(places);
    const handle = await startSaga(places.workspace);
    await asks(handle);
    const refunds = server.requests.length;
    let lost = 0;
    setFaultHook((point) => {
      if (point !== 'record.after' || lost === SAGA.length) return;
      lost += 1;
      // Each step's answer is lost once.
      if (lost % 2 === 1) throw new Error('the answer is lost');
    });
    await client.decide(handle.workflowId, UNDO_ALL);
    await assert.rejects(handle.result(), (error: Error) => /Undone: 9 steps/.test((error.cause as Error).message));
    assert.ok(lost > 2);
    assert.deepEqual(await worldOf(places), before);
    assert.equal(server.requests.length - refunds, 2);
    const { jobId } = await handle.query<JobStatus>('status');
    assert.equal(chainOf(places.workspace, jobId).filter(({ kind }) => kind === 'undone').length, SAGA.length);
  },
);

test('the undoing itself can be ended; it says what is not undone', { timeout: 60_000 }, async () => {
  const places = await place('ended');
  const handle = await startSaga(places.workspace);
  await asks(handle);
  writeFileSync(join(places.workspace, 'receipt.json'), '{}');
  await client.decide(handle.workflowId, UNDO_ALL);
  const { questions } = await asks(handle);
  await assert.rejects(client.decide(handle.workflowId, UNDO_ALL), /undone already/);
  await handle.signal('decide', {
    digest: questions[0]!.digest,
    answer: 'abort',
    by: 'ada@example.com',
    reason: 'enough',
  });
  const aborted = /It was not undone to the end: Aborted by ada@example.com: enough\./;
  const unchanged = /Left as they are: paying, rows, replacing, writing\./;
  await assert.rejects(handle.result(), (error: Error) =>
    new RegExp(`Undone: 5 steps .*${aborted.source} ${unchanged.source}`).test((error.cause as Error).message),
  );
  assert.equal(existsSync(join(places.workspace, 'new/two.bin')), true);
});
