/**
 * Task Queues that no worker polls, or none with a free slot: the job says so in `status`, `list` and Temporal's UI,
 * waits without growing, and goes on when a worker comes.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { DefaultLogger, Runtime, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import * as z from 'zod';
import {
  connectHoldfast,
  STATE_ATTRIBUTE,
  type HoldfastClient,
  type JobListing,
  type JobStatus,
} from '../../src/client.ts';
import { workerDataConverter } from '../../src/codec/data-converter.ts';
import { readKeys } from '../../src/codec/keys.ts';
import { HoldfastError } from '../../src/model/failure.ts';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import { HoldfastPlugin } from '../../src/plugin.ts';
import { cli, type Ran } from '../support/cli-terminal.ts';
import { impatientBundle } from '../support/impatient-bundle.ts';
import { startWorker, type RunningWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';
import { until, untilTrue } from '../support/until.ts';

Runtime.install({ logger: new DefaultLogger('ERROR') });
const LIMIT_MS = 700;
const STATE = defineSearchAttributeKey(STATE_ATTRIBUTE, 'KEYWORD');
const KEYS = `test:${Buffer.alloc(32, 5).toString('base64')}`;
const temporal = await testTemporal();
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-no-worker-')));
const stateDir = { HOLDFAST_STATE_DIR: join(root, 'state') };
const ENCRYPTED = { ...temporal.env, ...stateDir, HOLDFAST_ENCRYPTION_KEYS: KEYS, NO_COLOR: '1' };
const PLAIN = { ...temporal.env, ...stateDir, NO_COLOR: '1' };
type Env = Readonly<Record<string, string>>;

const ran: string[] = [];
const gates = new Map<string, PromiseWithResolvers<void>>();
/** Notes that it ran, and waits at its gate where it has one. */
const noted = implementStep(
  defineStep({ name: 'noted', input: z.strictObject({ as: z.string() }), output: z.strictObject({}) }),
  async (ctx, { as }) => {
    ran.push(as);
    await gates.get(as)?.promise;
    await ctx.files.write(`${ctx.stepId}.txt`, as);
    return {};
  },
);

function plan(job: string): object {
  const step = (id: string, needs: readonly string[] = []): object => ({
    id,
    use: 'noted',
    with: { as: `${job} ${id}` },
    needs,
  });
  return { schemaVersion: 1, name: 'noting', workspace: job, steps: [step('a'), step('b', ['a'])] };
}

const workers: RunningWorker[] = [];
afterEach(async () => {
  for (const { resolve } of gates.values()) resolve();
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
});
after(() => rmSync(root, { recursive: true, force: true }));

async function workflowsAlone(
  taskQueue: string,
  bundle: WorkflowBundleWithSourceMap,
  env: Env,
): Promise<RunningWorker> {
  return running(
    await Worker.create({
      connection: await temporal.nativeConnection(),
      namespace: temporal.namespace,
      taskQueue,
      identity: 'workflows-alone',
      workflowBundle: bundle,
      dataConverter: workerDataConverter(readKeys({ env })),
    }),
  );
}

async function stepsAlone(taskQueue: string, env: Env, slots = 10): Promise<RunningWorker> {
  return running(
    await Worker.create({
      connection: await temporal.nativeConnection(),
      namespace: temporal.namespace,
      taskQueue,
      identity: 'steps-alone',
      maxConcurrentActivityTaskExecutions: slots,
      plugins: [new HoldfastPlugin({ agentJob: false, steps: [noted], workspaceRoot: root, env })],
    }),
  );
}

function running(worker: Worker): RunningWorker {
  const ended = worker.run();
  const stop = async (): Promise<void> => {
    if (worker.getState() === 'RUNNING') worker.shutdown();
    await ended;
  };
  workers.push({ stop });
  return { stop };
}

async function client(env: Env, taskQueue: string): Promise<HoldfastClient> {
  return await connectHoldfast({ env, taskQueue, queryTimeoutMs: 1_000 });
}

async function holdfast(args: readonly string[], env: Env = PLAIN): Promise<Ran> {
  return await cli(args, { cwd: root, env });
}

async function detailsOf(handle: WorkflowHandle): Promise<string> {
  return (await handle.query<{ readonly currentDetails: string }>('__temporal_workflow_metadata')).currentDetails;
}

async function eventsOf(handle: WorkflowHandle): Promise<readonly string[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).map((event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? kindOf(event));
}

function kindOf(event: object): string {
  return Object.keys(event).find((key) => key.endsWith('EventAttributes')) ?? '';
}

function times(events: readonly string[], what: string): number {
  return events.filter((event) => event === what).length;
}

test('a job whose steps nobody takes says so, encrypted too, and goes on with the worker that comes', async () => {
  const queue = temporal.unique('queue');
  const job = temporal.unique('job');
  await workflowsAlone(queue, await impatientBundle(LIMIT_MS, true), ENCRYPTED);
  await using asking = await client(ENCRYPTED, queue);
  const startedMs = Date.now();
  await asking.start(plan(job) as never, { workflowId: job });
  const handle = asking.temporal.client.workflow.getHandle(job);
  await until(
    () => detailsOf(handle),
    (details) => details.includes('### No worker'),
  );
  const told = (await handle.query<JobStatus>('status')).waitsForWorker!;
  assert.ok(Math.abs(Date.parse(told.since) - startedMs) < 1_000, `${told.since} is when it was asked for`);
  assert.match(
    await detailsOf(handle),
    new RegExp(`is waiting for a worker[^]*since ${told.since}: the comparison of`),
  );

  const { waitsForWorker, state } = await until(
    () => asking.status(job),
    (status) => status.waitsForWorker !== undefined,
  );
  assert.deepEqual({ waitsForWorker, state }, { waitsForWorker: told, state: 'verifying' });
  const status = await holdfast(['status', job], ENCRYPTED);
  assert.equal(status.code, 5, status.err);
  assert.match(status.out, new RegExp(`^${job} {2}waiting for a worker`));
  assert.match(
    status.out,
    new RegExp(`No worker has this job's workspace since ${told.since}: the comparison of the world`),
  );
  assert.match(status.out, new RegExp(`holdfast worker --task-queue ${queue} --workspace-root FOLDER`));

  await stepsAlone(queue, ENCRYPTED);
  assert.deepEqual((await asking.result(job, { wait: true })).outcome, 'completed');
  assert.doesNotMatch(await detailsOf(handle), /No worker/);
  assert.deepEqual(
    ran.filter((as) => as.startsWith(job)),
    [`${job} a`, `${job} b`],
  );
});

test('a wait for a worker adds a bounded number of events, is shown and listed, and runs each step once', async () => {
  const queue = temporal.unique('queue');
  const job = temporal.unique('job');
  await workflowsAlone(queue, await impatientBundle(LIMIT_MS), PLAIN);
  const first = await stepsAlone(queue, PLAIN);
  await using asking = await client(PLAIN, queue);
  gates.set(`${job} a`, Promise.withResolvers());
  await asking.start(plan(job) as never, { workflowId: job });
  const handle = asking.temporal.client.workflow.getHandle(job);
  await untilTrue(() => ran.includes(`${job} a`));
  const stopped = first.stop();
  gates.get(`${job} a`)!.resolve();
  await stopped;
  await until(
    () => detailsOf(handle),
    (details) => details.includes('step b waits on Task Queue'),
  );
  const waiting = await eventsOf(handle);
  await delay(2 * LIMIT_MS);
  assert.deepEqual(await eventsOf(handle), waiting, 'a job that waits adds no events');
  assert.equal(times(waiting, 'workerAnswers'), 1);
  assert.equal(times(waiting, 'activityTaskTimedOutEventAttributes'), 1);

  // The worker has just ended: the server still knows it as one that polls.
  const { waitsForWorker, steps } = await asking.status(job);
  assert.deepEqual(
    [waitsForWorker?.stepId, waitsForWorker?.lastWorker, steps.find(({ id }) => id === 'b')?.state],
    ['b', 'steps-alone', 'waiting'],
  );
  const { typedSearchAttributes } = await handle.describe();
  assert.equal(typedSearchAttributes.get(STATE), 'no-worker');
  const listed = async (): Promise<JobListing['jobs']> => (await holdfast(['list', '--json'])).json<JobListing>().jobs;
  const found = await until(listed, (jobs) =>
    jobs.some((one) => one.workflowId === job && one.waitsForWorker !== undefined),
  );
  const mine = found.find(({ workflowId }) => workflowId === job)!;
  assert.equal(mine.state, 'running');
  const told = (await handle.query<JobStatus>('status')).waitsForWorker!;
  // A listing has the moment at which it was noticed.
  assert.ok(mine.waitsForWorker!.since! >= told.since);
  assert.match((await holdfast(['list'])).out, /WAITS FOR\n/);

  await stepsAlone(queue, PLAIN);
  assert.deepEqual((await asking.result(job, { wait: true })).outcome, 'completed');
  assert.deepEqual(
    ran.filter((as) => as.startsWith(job)),
    [`${job} a`, `${job} b`],
  );
  assert.equal(readFileSync(join(root, job, 'b.txt'), 'utf8'), `${job} b`);
  assert.doesNotMatch(await detailsOf(handle), /No worker/);
  assert.equal((await asking.describe(job)).state, 'completed');
});

test('a job without any worker tells since when its Workflow waits, in its status and in listings', async () => {
  const queue = temporal.unique('queue');
  const job = temporal.unique('job');
  await using asking = await client(PLAIN, queue);
  await asking.start(plan(job) as never, { workflowId: job });
  const status = await holdfast(['status', job, '--json']);
  assert.equal(status.code, 5);
  const { error } = status.json<{ error: Pick<HoldfastError, 'type' | 'message' | 'nextStep' | 'details'> }>();
  const { since } = error.details['waitsForWorker'] as NonNullable<JobStatus['waitsForWorker']>;
  const { startedAt } = await asking.describe(job);
  assert.ok(Math.abs(Date.parse(since) - Date.parse(startedAt)) < 1_000, `${since}, started ${startedAt}`);
  assert.equal(error.type, 'no-worker');
  assert.ok(error.message.endsWith(`since ${since}: the Workflow waits on Task Queue ${queue}.`), error.message);
  assert.equal(error.details['workspace'], job);
  assert.match(
    error.nextStep,
    new RegExp(`on the host of its workspace ${job}.*--task-queue ${queue} --workspace-root`),
  );
  const listed = await until(
    async () => (await holdfast(['list', '--state', 'no-worker', '--json'])).json<JobListing>().jobs,
    (jobs) => jobs.length > 0,
  );
  assert.deepEqual(
    listed.map(({ workflowId, state, waitsForWorker }) => ({ workflowId, state, waitsForWorker })),
    [{ workflowId: job, state: 'running', waitsForWorker: { kind: 'no-worker', since } }],
  );
  const text = (await holdfast(['list', '--state', 'no-worker'])).out;
  assert.match(text, new RegExp(`${job} .* a worker, since (\\d+ s ago|just now)\n`));
  assert.match(text, new RegExp(`\n {2}holdfast worker --task-queue ${queue}\n`));
  const doctor = await holdfast(['doctor']);
  assert.match(
    doctor.out,
    new RegExp(`! open jobs +1 open job without a worker\n +Remedy: holdfast worker .*${queue}`),
  );
  await temporal.client.workflow.getHandle(job).terminate('the test is over');
  const none = async (): Promise<string> => (await holdfast(['list', '--state', 'no-worker'])).out;
  await until(none, (out) => /^No job .* lacks a worker/.test(out));
});

test('a job whose worker was stopped tells which step waits, and which worker had it last', async () => {
  const queue = temporal.unique('queue');
  const job = temporal.unique('job');
  const worker = await startWorker(temporal, { taskQueue: queue, root, steps: [noted] });
  await using asking = await client(PLAIN, queue);
  gates.set(`${job} a`, Promise.withResolvers());
  await asking.start(plan(job) as never, { workflowId: job });
  await untilTrue(() => ran.includes(`${job} a`));
  const stopped = worker.stop();
  gates.get(`${job} a`)!.resolve();
  await stopped;
  await assert.rejects(asking.status(job), (error: unknown) => {
    assert.ok(error instanceof HoldfastError && error.type === 'no-worker');
    const { lastWorker, lastPolledAt, kind } = error.details['waitsForWorker'] as NonNullable<
      JobStatus['waitsForWorker']
    >;
    assert.deepEqual(
      [kind, lastWorker?.startsWith(`${process.pid}@`), lastPolledAt !== undefined],
      ['no-worker', true, true],
    );
    return true;
  });
  const next = await startWorker(temporal, { taskQueue: queue, root, steps: [noted] });
  assert.equal((await asking.result(job, { wait: true })).outcome, 'completed');
  assert.deepEqual(
    ran.filter((as) => as.startsWith(job)),
    [`${job} a`, `${job} b`],
  );
  await next.stop();
});

test('a job whose workers have no free slot is said to wait for one, not to have no worker', async () => {
  const queue = temporal.unique('queue');
  const [busy, job] = [temporal.unique('busy'), temporal.unique('job')];
  await workflowsAlone(queue, await impatientBundle(60_000), PLAIN);
  await stepsAlone(queue, PLAIN, 1);
  await using asking = await client(PLAIN, queue);
  gates.set(`${busy} a`, Promise.withResolvers());
  await asking.start(plan(busy) as never, { workflowId: busy });
  await untilTrue(() => ran.includes(`${busy} a`));
  await asking.start(plan(job) as never, { workflowId: job });
  const { waitsForWorker } = await until(
    () => asking.status(job),
    (status) => status.waitsForWorker !== undefined,
  );
  assert.deepEqual([waitsForWorker!.kind, waitsForWorker!.activity], ['no-free-slot', 'verifyWorld']);
  const status = await holdfast(['status', job]);
  assert.deepEqual([status.code, status.err], [0, '']);
  assert.match(status.out, /^The comparison of the world waits for a free slot since /m);
  gates.get(`${busy} a`)!.resolve();
  await Promise.all([asking.result(busy, { wait: true }), asking.result(job, { wait: true })]);
});
