/**
 * Task Queues that no worker polls, or none with a free slot: the job says so in `status`, `list` and Temporal's UI,
 * waits without growing, and goes on when a worker comes.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { defineSearchAttributeKey } from '@temporalio/common';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { STATE_ATTRIBUTE, type JobListing, type JobStatus } from '../../src/client.ts';
import { HoldfastError } from '../../src/model/failure.ts';
import { impatientBundle } from '../support/impatient-bundle.ts';
import { testTemporal } from '../support/temporal.ts';
import { until, untilTrue } from '../support/until.ts';
import { step, times, UntakenJob, untakenPlace } from '../support/untaken-job.ts';
import { whatPeopleDo } from './no-worker.people.ts';

Runtime.install({ logger: new DefaultLogger('ERROR') });
const LIMIT_MS = 500;
const STATE = defineSearchAttributeKey(STATE_ATTRIBUTE, 'KEYWORD');
const place = untakenPlace(await testTemporal());
const KEYS = { HOLDFAST_ENCRYPTION_KEYS: `test:${Buffer.alloc(32, 5).toString('base64')}` };
const encrypted = { ...place, env: { ...place.env, ...KEYS } };
const TIMED_OUT = 'activityTaskTimedOutEventAttributes';

// Before anything is measured: it takes seconds.
await Promise.all([impatientBundle(LIMIT_MS), impatientBundle(LIMIT_MS, true)]);
// They wait more than they compute.
describe('a job without a worker', { concurrency: true }, () => {
  test('a job whose steps nobody takes says so, encrypted too, and goes on with the worker that comes', async () => {
    await using job = await UntakenJob.at(encrypted);
    await job.workflowsAlone(await impatientBundle(LIMIT_MS, true));
    const { id, handle, asking } = job;
    await job.start();
    await until(
      () => job.details(),
      (details) => details.includes('### No worker'),
    );
    const told = (await handle.query<JobStatus>('status')).waitsForWorker!;
    const { requested, heard } = await job.untakenMs('verifyWorld');
    // Less what it may take it was noticed then: since when it waits is earlier, however busy the machine.
    const sinceMs = Date.parse(told.since);
    assert.ok(sinceMs >= requested && sinceMs <= heard - LIMIT_MS, `${told.since}, asked for ${requested}, ${heard}`);
    assert.match(await job.details(), new RegExp(`is waiting for a worker[^]*since ${told.since}: the comparison of`));

    const { waitsForWorker, state } = await until(
      () => asking.status(id),
      (status) => status.waitsForWorker !== undefined,
    );
    assert.deepEqual({ waitsForWorker, state }, { waitsForWorker: told, state: 'verifying' });
    const status = await job.holdfast('status', id);
    assert.equal(status.code, 5, status.err);
    assert.match(status.out, new RegExp(`^${id} {2}waiting for a worker`));
    assert.match(
      status.out,
      new RegExp(`No worker has this job's workspace since ${told.since}: the comparison of the world`),
    );
    assert.match(status.out, new RegExp(`holdfast worker --task-queue ${job.queue} --workspace-root FOLDER`));

    await job.stepsAlone();
    assert.deepEqual((await asking.result(id, { wait: true })).outcome, 'completed');
    assert.doesNotMatch(await job.details(), /No worker/);
    assert.deepEqual(job.ran, ['a', 'b']);
  });

  test('a wait for a worker adds a bounded number of events, is shown and listed; each step runs once', async () => {
    await using job = await UntakenJob.at(place);
    await job.workflowsAlone(await impatientBundle(LIMIT_MS));
    const { id, handle, asking } = job;
    await job.runsLast('a', await job.stepsAlone());
    await until(
      () => job.details(),
      (details) => details.includes('step b waits on Task Queue'),
    );
    const waiting = await job.events();
    const later = delay(2 * LIMIT_MS);
    assert.equal(times(waiting, 'workerAnswers'), 1);
    assert.equal(times(waiting, TIMED_OUT), 1);

    // The worker has just ended: the server still knows it as one that polls.
    const { waitsForWorker, steps } = await asking.status(id);
    assert.deepEqual(
      [waitsForWorker?.stepId, waitsForWorker?.lastWorker, steps.find((one) => one.id === 'b')?.state],
      ['b', 'steps-alone', 'waiting'],
    );
    const { typedSearchAttributes } = await handle.describe();
    assert.equal(typedSearchAttributes.get(STATE), 'no-worker');
    const found = await until(
      async () => (await job.holdfast('list', '--json')).json<JobListing>().jobs,
      (jobs) => jobs.some((one) => one.workflowId === id && one.waitsForWorker !== undefined),
    );
    const mine = found.find(({ workflowId }) => workflowId === id)!;
    assert.equal(mine.state, 'running');
    const told = (await handle.query<JobStatus>('status')).waitsForWorker!;
    // A listing has the moment at which it was noticed.
    assert.ok(mine.waitsForWorker!.since! >= told.since);
    assert.match((await job.holdfast('list')).out, /WAITS FOR\n/);
    await later;
    assert.deepEqual(await job.events(), waiting, 'a job that waits adds no events');

    await job.stepsAlone();
    assert.deepEqual((await asking.result(id, { wait: true })).outcome, 'completed');
    assert.deepEqual(job.ran, ['a', 'b']);
    assert.equal(readFileSync(join(place.root, id, 'b.txt'), 'utf8'), 'b');
    assert.doesNotMatch(await job.details(), /No worker/);
    assert.equal((await asking.describe(id)).state, 'completed');
  });

  test('a step that a worker takes costs three events and a Workflow Task, and the watch none', async () => {
    await using job = await UntakenJob.at(place);
    await job.whole();
    const eventsOf = async (steps: number): Promise<readonly string[]> => {
      const ids = Array.from({ length: steps }, (_, index) => `s${index}`);
      const workflowId = `${job.id}-${steps}`;
      await job.start(
        ids.map((id, index) => step(id, index === 0 ? [] : [ids[index - 1]!])),
        workflowId,
      );
      await job.asking.result(workflowId, { wait: true });
      return await job.events(workflowId);
    };
    const [few, many] = await Promise.all([eventsOf(1), eventsOf(5)]);
    const more = [...new Set(many)].map((kind) => [kind, (times(many, kind) - times(few, kind)) / 4] as const);
    const perStep = Object.fromEntries(more.filter(([, count]) => count !== 0));
    assert.deepEqual(perStep, {
      runStep: 1,
      activityTaskStartedEventAttributes: 1,
      activityTaskCompletedEventAttributes: 1,
      workflowTaskScheduledEventAttributes: 1,
      workflowTaskStartedEventAttributes: 1,
      workflowTaskCompletedEventAttributes: 1,
    });
  });

  test('a job without any worker tells since when its Workflow waits, in its status and in listings', async () => {
    await using job = await UntakenJob.at(place);
    const { id, queue, asking } = job;
    await job.start();
    const status = await job.holdfast('status', id, '--json');
    assert.equal(status.code, 5);
    const { error } = status.json<{ error: Pick<HoldfastError, 'type' | 'message' | 'nextStep' | 'details'> }>();
    const { since } = error.details['waitsForWorker'] as NonNullable<JobStatus['waitsForWorker']>;
    const { startedAt } = await asking.describe(id);
    assert.ok(Math.abs(Date.parse(since) - Date.parse(startedAt)) < 1_000, `${since}, started ${startedAt}`);
    assert.equal(error.type, 'no-worker');
    assert.ok(error.message.endsWith(`since ${since}: the Workflow waits on Task Queue ${queue}.`), error.message);
    assert.equal(error.details['workspace'], id);
    assert.match(
      error.nextStep,
      new RegExp(`on the host of its workspace ${id}.*--task-queue ${queue} --workspace-root`),
    );
    const listed = await until(
      async () => (await job.holdfast('list', '--state', 'no-worker', '--json')).json<JobListing>().jobs,
      (jobs) => jobs.some(({ workflowId }) => workflowId === id),
    );
    const mine = listed.filter(({ workflowId }) => workflowId === id);
    assert.deepEqual(
      mine.map(({ state, waitsForWorker }) => ({ state, waitsForWorker })),
      [{ state: 'running', waitsForWorker: { kind: 'no-worker', since } }],
    );
    const text = (await job.holdfast('list', '--state', 'no-worker')).out;
    assert.match(text, new RegExp(`${id} .* a worker, since (\\d+ s ago|just now)\n`));
    assert.match(text, new RegExp(`\n {2}holdfast worker --task-queue ${queue}\n`));
    const doctor = await job.holdfast('doctor');
    assert.match(
      doctor.out,
      new RegExp(`! open jobs +\\d+ open jobs? without a worker\n +Remedy: holdfast worker .*${queue}`),
    );
  });

  test('a job whose worker was stopped tells which step waits, and which worker had it last', async () => {
    // It has polled just now, so that only the limit tells that it is gone.
    await using job = await UntakenJob.at(place, { queryTimeoutMs: 1_000 });
    const { id, asking } = job;
    await job.runsLast('a', await job.whole());
    await assert.rejects(asking.status(id), (error: unknown) => {
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
    await job.whole();
    assert.equal((await asking.result(id, { wait: true })).outcome, 'completed');
    assert.deepEqual(job.ran, ['a', 'b']);
  });

  test('a job whose workers have no free slot is said to wait for one, not to have no worker', async () => {
    await using job = await UntakenJob.at(place);
    const { id, asking } = job;
    await job.workflowsAlone(await impatientBundle(60_000));
    await job.stepsAlone(1);
    const busy = `${id}-busy`;
    job.holds('a');
    await job.start([step('a')], busy);
    await untilTrue(() => job.ran.includes('a'));
    await job.start([step('b')]);
    const { waitsForWorker } = await until(
      () => asking.status(id),
      (status) => status.waitsForWorker !== undefined,
    );
    assert.deepEqual([waitsForWorker!.kind, waitsForWorker!.activity], ['no-free-slot', 'verifyWorld']);
    assert.ok(Math.abs(Date.now() - Date.parse(waitsForWorker!.since!)) < 120_000, waitsForWorker!.since);
    const status = await job.holdfast('status', id);
    assert.deepEqual([status.code, status.err], [0, '']);
    assert.match(status.out, /^The comparison of the world waits for a free slot since /m);
    job.letGo();
    await Promise.all([asking.result(busy, { wait: true }), asking.result(id, { wait: true })]);
  });

  whatPeopleDo(place, LIMIT_MS);
});

// Alone: it wants a namespace in which no job lacks a worker.
test('a job that was ended is listed among those without a worker no longer', async () => {
  await using job = await UntakenJob.at(place);
  await job.start();
  const listed = async (): Promise<string> => (await job.holdfast('list', '--state', 'no-worker')).out;
  await until(listed, (out) => out.includes(job.id));
  const open = place.temporal.client.workflow.list({ query: 'ExecutionStatus = "Running"' });
  for await (const { workflowId } of open) await place.temporal.client.workflow.getHandle(workflowId).terminate();
  await until(listed, (out) => /^No job .* lacks a worker/.test(out));
});
