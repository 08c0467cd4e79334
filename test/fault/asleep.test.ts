/**
 * A laptop sleeps over night: its worker stands still (SIGSTOP) for longer than its Activity may be silent, and wakes a
 * day later by the clock. The server goes on meanwhile.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { stopped, type StartedChild } from '../support/child-process.ts';
import { MovedClock, withoutMovedClock } from '../support/moved-clock.ts';
import { testTemporal } from '../support/temporal.ts';
import { FOUR_STEPS, HEARTBEAT_TIMEOUT_MS, visit, VisitedJob } from './support/visited-job.ts';

const temporal = await testTemporal();
const jobs: VisitedJob[] = [];
const OPTIONS = { skip: withoutMovedClock, timeout: 300_000 };

after(async () => {
  for (const job of jobs) await job.remove();
});

interface Sleeper {
  readonly job: VisitedJob;
  readonly worker: StartedChild;
  /** Once it stands still: it does so for longer than the timeout, and wakes a day later. */
  readonly sleepOver: (meanwhile?: () => Promise<void>) => Promise<void>;
}

async function aSleeper(stopAt?: string): Promise<Sleeper> {
  const job = new VisitedJob(temporal);
  jobs.push(job);
  const clock = new MovedClock(job.outside);
  const worker = await job.startWorker({ clock, ...(stopAt !== undefined && { stopAt }) });
  return {
    job,
    worker,
    async sleepOver(meanwhile) {
      await stopped(worker.process, stopAt ?? 'its sleep');
      await delay(HEARTBEAT_TIMEOUT_MS + 1_000);
      await meanwhile?.();
      await clock.moveTo('+1d');
      worker.process.kill('SIGCONT');
    },
  };
}

test('asleep in the code of a step: the step is run again, its call is made once', OPTIONS, async () => {
  const { job, sleepOver } = await aSleeper('code of b');
  await job.start();
  await sleepOver();
  await job.approve();
  await job.endsWithEachEffectOnce();
  assert.deepEqual(job.runs(), ['a', 'b', 'b', 'c', 'd']);
});

test('asleep while a step is applied: it is completed, once', OPTIONS, async () => {
  const { job, sleepOver } = await aSleeper('applying.after');
  await job.start();
  await sleepOver();
  await job.approve();
  await job.endsWithEachEffectOnce();
});

test('asleep between two steps: what a person changed meanwhile is asked about before the next', OPTIONS, async () => {
  const { job, worker, sleepOver } = await aSleeper();
  const pause = { id: 'pause', use: 'wait', with: { seconds: 4 }, needs: ['b'] };
  await job.start({ steps: [...FOUR_STEPS.slice(0, 2), pause, visit('c', 3, ['pause'])], verifyAfterMinutes: 0.05 });
  await job.untilDone('b');
  worker.process.kill('SIGSTOP');
  await sleepOver(async () => writeFileSync(job.at('a.txt'), 'edited over night\n'));
  const drift = await job.asked('discrepancy');
  assert.deepEqual(
    drift.findings.map(({ resource, kind }) => `${resource} ${kind}`),
    ['file:a.txt changed'],
  );
  await job.answer(drift, { answer: 'restore' });
  await job.endsWithEachEffectOnce(['a', 'b', 'c']);
});

test('asleep while it waits for a person, who answers meanwhile: the answer is carried out', OPTIONS, async () => {
  const { job, worker, sleepOver } = await aSleeper();
  await job.start();
  const { digest } = await job.asked('approval');
  worker.process.kill('SIGSTOP');
  const decision = { digest, answer: 'approve', by: 'a person', reason: 'over night' };
  await sleepOver(async () => await job.handle.signal('decide', decision));
  await job.endsWithEachEffectOnce();
});
