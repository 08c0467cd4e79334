/** What people ask of jobs while no worker takes their steps is done when one comes, once. Run by no-worker. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { impatientBundle } from '../support/impatient-bundle.ts';
import { statusOf, untilAsked, untilStatus } from '../support/job-status.ts';
import { untilTrue } from '../support/until.ts';
import { step, times, UntakenJob, type UntakenPlace } from '../support/untaken-job.ts';

const PERSON = { by: 'someone@example.com', reason: 'as it should be' };
const PLANS = {
  cancelled: [step('cancelled-a'), step('cancelled-b', ['cancelled-a'])],
  aborted: [step('aborted-a'), step('aborted-b', ['aborted-a'])],
  decided: [step('decided-a', [], { approval: 'before-apply' }), step('decided-b', ['decided-a'])],
};
const JOBS = Object.keys(PLANS) as (keyof typeof PLANS)[];

/** A job that waits for a worker. */
interface Waiting {
  readonly queue: UntakenJob;
  readonly id: string;
  readonly handle: WorkflowHandle;
  /** Has a step written its file? */
  readonly has: (stepId: string) => boolean;
}

/** What a person asks; resolves with what holds once a worker has come. */
type Act = (job: Waiting) => Promise<() => Promise<void>>;

const ACTS: Readonly<Record<keyof typeof PLANS, Act>> = {
  cancelled: async ({ queue, id, handle, has }) => {
    await untilStatus(handle, ({ waitsForWorker }) => waitsForWorker?.stepId === 'cancelled-b');
    await queue.holdfast('cancel', id);
    const { waitsForWorker } = await untilStatus(handle, ({ state }) => state === 'ending');
    assert.equal(waitsForWorker?.stepId, 'cancelled-b');
    assert.equal(times(await queue.events(id), 'workerAnswers'), 1, 'the workers are asked once');
    return async () => {
      assert.equal((await queue.asking.result(id, { wait: true })).outcome, 'cancelled');
      assert.deepEqual([has('cancelled-a'), has('cancelled-b')], [true, false]);
      assert.equal(times(await queue.events(id), 'release'), 1);
    };
  },
  aborted: async ({ queue, id, handle, has }) => {
    await untilStatus(handle, ({ waitsForWorker }) => waitsForWorker?.stepId === 'aborted-b');
    await queue.asking.abort(id, { ...PERSON, compensate: true });
    await untilStatus(handle, ({ state }) => state === 'undoing');
    assert.equal(has('aborted-a'), true);
    return async () => {
      assert.equal((await queue.asking.result(id, { wait: true })).outcome, 'aborted');
      assert.deepEqual([has('aborted-a'), has('aborted-b')], [false, false]);
    };
  },
  decided: async ({ queue, id, handle, has }) => {
    const { digest } = await untilAsked(handle);
    const decision = { ...PERSON, digest, answer: 'approve' as const };
    const answer = queue.asking.decide(id, decision);
    await untilStatus(handle, ({ waitsForWorker }) => waitsForWorker?.activity === 'repair');
    // Sent once more, by a Signal: it is used once.
    await queue.asking.decide(id, decision, { via: 'signal' });
    assert.equal((await untilAsked(handle)).digest, digest, 'it stays open');
    assert.equal(has('decided-a'), false);
    return async () => {
      assert.equal((await answer).used?.answer, 'approve');
      assert.equal((await queue.asking.result(id, { wait: true })).outcome, 'completed');
      assert.deepEqual([has('decided-a'), has('decided-b')], [true, true]);
      const { refusals } = await statusOf(handle);
      assert.deepEqual([refusals.length, refusals[0]?.question], [1, digest], JSON.stringify(refusals));
    };
  },
};

export function whatPeopleDo(place: UntakenPlace, limitMs: number): void {
  test('a cancellation, an abort and a decision while no worker is there are done once, when one comes', async () => {
    await using queue = await UntakenJob.at(place);
    await queue.workflowsAlone(await impatientBundle(limitMs));
    const worker = await queue.stepsAlone();
    for (const name of JOBS) {
      queue.holds(`${name}-a`);
      await queue.start(PLANS[name], `${queue.id}-${name}`);
    }
    await untilTrue(() => queue.ran.length === JOBS.length);
    await queue.endsWhileItRuns(worker);
    const done = await Promise.all(
      JOBS.map(async (name) => {
        const id = `${queue.id}-${name}`;
        const handle = place.temporal.client.workflow.getHandle(id);
        return await ACTS[name]({
          queue,
          id,
          handle,
          has: (stepId) => existsSync(join(place.root, id, `${stepId}.txt`)),
        });
      }),
    );
    await queue.stepsAlone();
    await Promise.all(done.map((check) => check()));
    assert.deepEqual(queue.ran.toSorted(), ['aborted-a', 'cancelled-a', 'decided-a', 'decided-b']);
  });
}
