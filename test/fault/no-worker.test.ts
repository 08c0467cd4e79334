/**
 * Workers of steps that are killed, and whose successors come late: the job, whose Workflow another worker runs, tells
 * that no worker is there, and goes on with the successor.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import type { WorkflowHandle } from '@temporalio/client';
import { workerDataConverter } from '../../src/codec/data-converter.ts';
import { readKeys } from '../../src/codec/keys.ts';
import type { WorkerWait } from '../../src/model/job/worker-wait.ts';
import { impatientBundle } from '../support/impatient-bundle.ts';
import { statusOf } from '../support/job-status.ts';
import { testTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { step, times, UntakenJob, untakenPlace } from '../support/untaken-job.ts';
import { comparableEnd, PLAN, startServerJob, type ServerJobEnd } from './support/server-job.ts';
import { Supervisor } from './support/supervisor.ts';
import type { WorkerOrder } from './support/worker-child.ts';

Runtime.install({ logger: new DefaultLogger('ERROR') });
const temporal = await testTemporal();
const place = untakenPlace(temporal);
/** The same each time: how they grow is not what is tried here. */
const LIMITS_MS = Array.from({ length: 100 }, () => 1_000);
const bundle = await impatientBundle(LIMITS_MS);
const TIMED_OUT = 'activityTaskTimedOutEventAttributes';
const SOON_LOST = { heartbeatTimeoutMs: 5_000 };
const DATABASE = { database: 'main' };
/** Three steps that run beside each other. */
const COUNTED = {
  schemaVersion: 1,
  name: 'counted',
  workspace: 'workspace',
  databases: { main: { url: 'sqlite:db/main.db' } },
  ...SOON_LOST,
  steps: [
    { id: 's1', use: 'db.sql', with: { ...DATABASE, sql: "INSERT INTO item VALUES (1, 'a', 1)", writes: ['item'] } },
    { id: 's2', use: 'db.sql', with: { ...DATABASE, sql: 'INSERT INTO tally VALUES (2, 1)', writes: ['tally'] } },
    { id: 's3', use: 'file.write', with: { path: 's3.txt', content: 'three' } },
  ],
};

/** Until the job says that it waits for a worker; where it waits for a person alone, nobody has to be there. */
async function untilTold(handle: WorkflowHandle): Promise<WorkerWait | undefined> {
  const { waitsForWorker } = await until(
    async () => {
      // In this order: a Query is answered behind whatever the Workflow has still to hear of.
      const { pendingActivities } = (await handle.describe()).raw;
      const { questions, waitsForWorker } = await statusOf(handle);
      return { waitsForWorker, isPersonsTurn: questions.length > 0 && (pendingActivities ?? []).length === 0 };
    },
    (status) => status.waitsForWorker !== undefined || status.isPersonsTurn,
    { limitMs: 60_000 },
  );
  return waitsForWorker;
}

/** @returns what the job left, and what it said each time that its worker was killed */
async function runJob(
  more: Partial<WorkerOrder>,
  plan: unknown,
): Promise<{ readonly end: ServerJobEnd; readonly told: readonly (WorkerWait | undefined)[] }> {
  const job = await startServerJob(temporal, { isForStepsAlone: true, ...more }, plan);
  const workflows = await Worker.create({
    connection: await temporal.nativeConnection(),
    namespace: temporal.namespace,
    taskQueue: job.order.taskQueue,
    workflowBundle: bundle,
    dataConverter: workerDataConverter(readKeys({ env: {} })),
  });
  const ended = workflows.run();
  const told: (WorkerWait | undefined)[] = [];
  const supervisor = new Supervisor(job.order, async () => void told.push(await untilTold(job.handle)));
  supervisor.start();
  try {
    return { end: await job.attend(supervisor), told };
  } finally {
    await supervisor.stop();
    workflows.shutdown();
    await ended;
    job.remove();
  }
}

// They wait for heartbeats that don't come.
describe('a worker that is killed, and followed late', { concurrency: true }, () => {
  let undisturbed: ReturnType<typeof runJob> | undefined;
  // Once, and only where a test that runs needs it: nobody else would wait for its worker's end.
  const untroubled = (): ReturnType<typeof runJob> => (undisturbed ??= runJob({}, { ...PLAN, ...SOON_LOST }));
  const groups = [
    ['claim.after', 'once.after', 'seal.after', 'verify.mark-before'],
    ['perform.done-before', 'applying.after', 'commit.database-after', 'repair.sealed-after'],
    ['commit.file-renamed', 'record.before', 'activity.answer', 'repair.item-after'],
  ];
  for (const points of groups)
    test(`at ${points.join(', ')}: each time the job tells, and each effect is made once`, async () => {
      const wanted = comparableEnd((await untroubled()).end);
      const { end, told } = await runJob({ killOnceAt: points }, { ...PLAN, ...SOON_LOST });
      assert.deepEqual([...end.killed].toSorted(), points.toSorted(), 'all of them are reached');
      const waits = told.filter((wait) => wait !== undefined);
      assert.equal(waits.length, points.length, JSON.stringify(told));
      for (const { kind, activity } of waits) assert.deepEqual([kind, activity !== undefined], ['no-worker', true]);
      assert.deepEqual(comparableEnd(end), wanted);
    });

  test('with one step in flight and others in its queue: the job tells, and each of them is done once', async () => {
    const { end, told } = await runJob({ slots: 1, killOnceAt: ['commit.database-after'] }, COUNTED);
    assert.equal(told.length, 1);
    assert.match(String(told[0]?.stepId), /^s[123]$/);
    const { item, tally, writes } = end.database as Record<string, unknown>;
    assert.deepEqual({ item, tally }, { item: [{ id: 1, name: 'a', size: 1 }], tally: [{ id: 2, n: 1 }] });
    assert.deepEqual(writes, [
      { what: 'INSERT item 1', times: 1 },
      { what: 'INSERT tally 2', times: 1 },
    ]);
    assert.match(end.files['s3.txt']!, /three/);
  });

  test('limits of parallel steps pass together, until there are none: the history stays bounded', async () => {
    await using job = await UntakenJob.at(place);
    const limitsMs = [100, 150, 200, 250];
    await job.workflowsAlone(await impatientBundle(limitsMs));
    const parallel = ['b', 'c', 'd'];
    await job.runsLast('a', await job.stepsAlone(), [step('a'), ...parallel.map((id) => step(id, ['a']))]);
    for (const [misses] of limitsMs.entries()) {
      await until(
        () => job.events(),
        (events) => times(events, TIMED_OUT) === parallel.length * (misses + 1),
      );
      await job.answersOnce();
    }
    const limited = limitsMs.flatMap((limitMs) => parallel.map(() => limitMs));
    const events = await until(
      () => job.events(),
      (all) => times(all, 'runStep') === 1 + parallel.length * (limitsMs.length + 1),
    );
    const given = await job.limitsMs(parallel);
    assert.deepEqual(given.slice(0, limited.length), limited);
    assert.equal(times(events, 'workerAnswers'), limitsMs.length);
    await delay(2 * limitsMs.at(-1)!);
    assert.equal((await job.events()).length, events.length, 'what has no limit waits without events');
    await job.stepsAlone();
    assert.equal((await job.asking.result(job.id, { wait: true })).outcome, 'completed');
    assert.deepEqual(job.ran.toSorted(), ['a', ...parallel]);
  });
});
