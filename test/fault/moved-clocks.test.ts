/**
 * The clock of a worker's host is set: back a year, ahead a day, in the middle of a job, or differently on two workers.
 * Nothing is judged by it: no lease, no age, no order.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { killed, stopped } from '../support/child-process.ts';
import { statusOf } from '../support/job-status.ts';
import { stepRecordsOf } from '../support/ledger.ts';
import { MovedClock, withoutMovedClock } from '../support/moved-clock.ts';
import { testTemporal } from '../support/temporal.ts';
import { FOUR_STEPS, visit, VisitedJob } from './support/visited-job.ts';

const temporal = await testTemporal();
const jobs: VisitedJob[] = [];
const DAY_MS = 86_400_000;
const OPTIONS = { skip: withoutMovedClock, timeout: 300_000 };

after(async () => {
  for (const job of jobs) await job.remove();
});

function aJob(): VisitedJob {
  const job = new VisitedJob(temporal);
  jobs.push(job);
  return job;
}

test(
  'a clock that goes back a year and ahead a day under a job: each effect once, nobody is asked',
  OPTIONS,
  async () => {
    const job = aJob();
    const clock = new MovedClock(job.outside);
    await job.startWorker({ clock });
    await job.start({
      verify: 'quick',
      steps: [
        ...FOUR_STEPS.slice(0, 2),
        { id: 'pause', use: 'wait', with: { seconds: 3 }, needs: ['b'] },
        visit('c', 3, ['pause'], { approval: 'before-apply' }),
        visit('d', 4, ['c']),
      ],
    });
    await job.untilDone('b');
    await clock.moveTo('-365d');
    await job.asked('approval');
    await clock.moveTo('+1d');
    await job.approve();
    await job.endsWithEachEffectOnce();
    const { jobId } = await statusOf(job.handle);
    const agoMs = (id: string): number => Date.now() - Date.parse(stepRecordsOf(job.workspace, jobId, id)[0]!.at);
    assert.ok(agoMs('d') < -0.9 * DAY_MS, `the worker's clock was ahead when it recorded d: ${agoMs('d')}`);
  },
);

test(
  'of workers whose clocks are a year apart one is lost: the other takes over, what differs is asked',
  OPTIONS,
  async () => {
    const job = aJob();
    const behind = await job.startWorker({ clock: new MovedClock(job.outside, '-365d'), stopAt: 'code of b' });
    await job.start();
    await stopped(behind.process, 'the code of b');
    await killed(behind.process);
    await job.startWorker({ clock: new MovedClock(job.outside, '+1d') });
    const approval = await job.asked('approval');
    writeFileSync(job.at('a.txt'), 'edited by a person\n');
    await job.answer(approval, { answer: 'approve' });
    const drift = await job.asked('discrepancy');
    assert.deepEqual(
      drift.findings.map(({ resource, kind }) => `${resource} ${kind}`),
      ['file:a.txt changed'],
    );
    await job.answer(drift, { answer: 'restore' });
    await job.endsWithEachEffectOnce();
    assert.equal(job.runs().filter((id) => id === 'b').length, 2, 'b was begun by both');
  },
);

test('commands on a host whose clock is off see the workers that are there, and decide', OPTIONS, async () => {
  const job = aJob();
  await job.startWorker();
  await job.start();
  await job.asked('approval');
  for (const shows of ['-365d', '+3m']) {
    const ran = await job.holdfast(['list', '--json'], shows);
    const [listed] = ran.json<{ jobs: readonly { waitsForWorker?: unknown }[] }>().jobs;
    assert.equal(listed!.waitsForWorker, undefined, `${shows}: ${ran.out}`);
  }
  const decision = ['decide', job.handle.workflowId, 'approve', '--by', 'me', '--reason', 'why'];
  const { code, err } = await job.holdfast(decision, '+1d');
  assert.equal(code, 0, err);
  await job.endsWithEachEffectOnce();
});
