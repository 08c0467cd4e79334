/**
 * The kill job as a plan on a real server with real worker processes. Workers are killed; a supervisor starts others;
 * nothing restarts the job: it ends by itself, as one whose worker was never killed.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FAULT_POINTS } from '../../src/store/fault-point.ts';
import { testTemporal } from '../support/temporal.ts';
import { seededRandom, theSeed } from './support/seed.ts';
import { comparableEnd, startServerJob, type ServerJobEnd } from './support/server-job.ts';
import { Supervisor } from './support/supervisor.ts';
import type { WorkerOrder } from './support/worker-child.ts';

const temporal = await testTemporal();
const seed = theSeed();
const RANDOM_KILLS = 15;
const GROUPS = 8;
const JOBS_AT_ONCE = 4;

async function runJob(
  more: Partial<WorkerOrder>,
  disturb?: (supervisor: Supervisor) => Promise<void>,
): Promise<{ readonly end: ServerJobEnd; readonly restarts: number }> {
  const job = await startServerJob(temporal, more);
  const supervisor = new Supervisor(job.order);
  supervisor.start();
  try {
    const [end] = await Promise.all([job.attend(supervisor), disturb?.(supervisor)]);
    return { end, restarts: supervisor.restarts };
  } finally {
    await supervisor.stop();
    job.remove();
  }
}

const undisturbed = runJob({});

// Several jobs: the server waits longer each time that the same Activity loses its worker.
describe(
  'workers killed at each fault point: the job ends by itself, each effect once',
  { concurrency: JOBS_AT_ONCE },
  () => {
    for (let group = 0; group < GROUPS; group++) {
      const points = FAULT_POINTS.filter((_, index) => index % GROUPS === group);
      test(`${points[0]} to ${points.at(-1)}`, async (t) => {
        const wanted = comparableEnd((await undisturbed).end);
        const { end, restarts } = await runJob({ killOnceAt: points });
        t.diagnostic(`${restarts} workers killed`);
        const killed = new Set(end.killed);
        assert.deepEqual(
          points.filter((point) => !killed.has(point)),
          [],
          'points that the job never reaches',
        );
        assert.deepEqual(comparableEnd(end), wanted);
      });
    }
  },
);

test(`a job whose workers are killed at random ends by itself, each effect once (HOLDFAST_SEED=${seed})`, async (t) => {
  const wanted = comparableEnd((await undisturbed).end);
  const random = seededRandom(seed);
  const { end, restarts } = await runJob({}, async (supervisor) => {
    for (let kill = 0; kill < RANDOM_KILLS; kill++) {
      // A worker polls after about 700 ms.
      await delay(700 + random() * 900);
      supervisor.kill();
    }
  });
  t.diagnostic(`${restarts} workers killed`);
  assert.deepEqual(comparableEnd(end), wanted);
});
