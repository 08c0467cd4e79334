/**
 * An operator at a running job, with Temporal's own command line: Activities paused, reset, given other limits,
 * failed, and completed by hand with invented results. Nothing is done twice, and the job builds on nothing that its
 * record does not have.
 */
import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { statusOf, untilAsked, untilStatus } from '../support/job-status.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { testTemporal } from '../support/temporal.ts';
import { temporalCommand } from '../support/temporal-command.ts';
import { untilFound, untilTrue } from '../support/until.ts';
import { HeldSteps, type HeldJob, type HeldPlan } from './support/held-steps.ts';

const temporal = await testTemporal();
const operator = await temporalCommand(temporal);
const held = new HeldSteps();
const jobs = servedJobs(temporal, 'operator', { steps: [held.step] });
after(() => held.letAllGo());
afterEach(() => setFaultHook(undefined));

const DONE = { inserts: ['real'], held: 'real', after: 'after real' };
const HEAD = 'a'.repeat(64);
const invented = (seq: number): object => ({
  kind: 'done',
  stepId: 'held',
  generation: 0,
  at: { seq, head: HEAD },
  output: { text: 'invented' },
  effects: '1 file',
});
const BY_HAND: Readonly<Record<string, unknown>> = {
  nothing: null,
  'a word': 'done',
  'an empty object': {},
  'only a kind': { kind: 'done' },
  'a result at a place that the record has': invented(3),
  'a result at a place that the record has not': invented(99),
  'a failure': { kind: 'failed', type: 'bad-input', message: 'as I say' },
};

const at = (job: HeldJob): string[] => ['--activity-id', 'held', '--workflow-id', job.id];
const complete = async (job: HeldJob, result: unknown): Promise<unknown> =>
  await operator('activity', 'complete', ...at(job), '--result', JSON.stringify(result));

/** How often the step was requested, and how long the job rested before, in seconds. */
async function requestsOf({ handle }: HeldJob): Promise<{ readonly requests: number; readonly rests: number[] }> {
  const { events } = await handle.fetchHistory();
  const requests = events!.filter((one) => one.activityTaskScheduledEventAttributes?.activityId?.startsWith('held'));
  const rests = events!.flatMap(({ timerStartedEventAttributes: timer }) => timer?.startToFireTimeout?.seconds ?? []);
  return { requests: requests.length, rests: rests.map(Number) };
}

/** The job has passed over what was made by hand, and ends as one that nobody has touched. */
async function endsAsUntouched(job: HeldJob, wanted: object = DONE): Promise<void> {
  await untilTrue(() => job.begun() === 2, { what: 'the step is requested again' });
  job.letGo();
  const { outputs } = (await job.handle.result()) as { readonly outputs: Readonly<Record<string, unknown>> };
  assert.deepEqual(outputs['held'], { text: 'real' });
  assert.deepEqual(job.look(), wanted);
  const { refusals } = await statusOf(job.handle);
  assert.equal(refusals.length, 1, JSON.stringify(refusals));
  assert.match(refusals[0]!.problems[0]!, /^the result of runStep of held was passed over and requested again: /);
}

describe('a running step that is completed by hand', { concurrency: 2 }, () => {
  for (const [what, result] of Object.entries(BY_HAND))
    test(`with ${what}: it is requested again, told, and its effects are made once`, async () => {
      const job = await held.start(jobs);
      await complete(job, result);
      await endsAsUntouched(job);
    });

  test('with the result of another step: it is requested again, told, and its effects are made once', async () => {
    const job = await held.start(jobs);
    const { events } = await job.handle.fetchHistory();
    const first = events!.flatMap(
      ({ activityTaskCompletedEventAttributes: done }) => done?.result?.payloads?.[0] ?? [],
    );
    await complete(job, JSON.parse(Buffer.from(first.at(-1)!.data!).toString()));
    await endsAsUntouched(job);
  });

  test('as the last of its job, with an invented result: the job ends with what was really done', async () => {
    const job = await held.start(jobs, { after: [] });
    await complete(job, invented(99));
    await endsAsUntouched(job, { inserts: ['real'], held: 'real', after: undefined });
  });

  test('again and again: it is requested with growing pauses', async () => {
    const job = await held.start(jobs);
    for (const times of [1, 2, 3]) {
      await untilTrue(() => job.begun() === times);
      await complete(job, null);
    }
    await untilTrue(() => job.begun() === 4);
    job.letGo();
    await job.handle.result();
    const { requests, rests } = await requestsOf(job);
    assert.ok(requests >= 4, `${requests} requests`);
    assert.deepEqual(rests, [1, 2]);
    assert.deepEqual(job.look(), DONE);
  });
});

test('a running step that is failed by hand is asked about; its effects are made once', async () => {
  const job = await held.start(jobs);
  await operator('activity', 'fail', ...at(job), '--reason', 'enough of it');
  const { kind, stepId, findings, digest } = await untilAsked(job.handle);
  assert.deepEqual([kind, stepId], ['stuck', 'held']);
  assert.match(findings[0]!.difference, /ended by no worker.*enough of it/s);
  assert.deepEqual(findings[0]!.answers, ['recheck', 'abort']);
  // By its next heartbeat.
  await untilTrue(() => job.ended() === 1, { what: 'the attempt hears that it is over' });
  job.letGo();
  await delay(500);
  assert.deepEqual(job.look(), { inserts: [], held: undefined, after: undefined }, 'nothing before the answer');
  await jobs.client.decide(job.id, { answer: 'recheck', by: 'ada', reason: 'go on', digest });
  await job.handle.result();
  assert.deepEqual(job.look(), DONE);
});

test('limits that an operator gives a running step, and that it reaches, are asked about', async () => {
  const job = await held.start(jobs);
  await operator('activity', 'update-options', ...at(job), '--retry-maximum-attempts', '1');
  await operator('activity', 'update-options', ...at(job), '--start-to-close-timeout', '1s');
  const { kind, findings, digest } = await untilAsked(job.handle);
  assert.equal(kind, 'stuck');
  assert.match(findings[0]!.difference, /limits that somebody gave it/);
  job.letGo();
  await jobs.client.decide(job.id, { answer: 'recheck', by: 'ada', reason: 'go on', digest });
  await job.handle.result();
  assert.deepEqual(job.look(), DONE);
});

test('a running step that is paused does nothing until it is unpaused; its effects are made once', async () => {
  const job = await held.start(jobs);
  await operator('activity', 'pause', ...at(job));
  await delay(2_500);
  job.letGo();
  await delay(500);
  assert.deepEqual(job.look(), { inserts: [], held: undefined, after: undefined });
  await operator('activity', 'unpause', ...at(job));
  await job.handle.result();
  assert.deepEqual(job.look(), DONE);
});

test('a running step that is reset begins again; its effects are made once', async () => {
  const job = await held.start(jobs);
  await operator('activity', 'reset', ...at(job));
  await untilTrue(() => job.begun() === 2);
  job.letGo();
  await job.handle.result();
  assert.deepEqual(job.look(), DONE);
});

/** Once the Activity of the type has done its work, and before its answer goes out. */
function answerOf(type: string): { readonly isHeld: () => boolean; readonly letGo: () => void } {
  let isHeld = false;
  const gate = Promise.withResolvers<void>();
  setFaultHook(async (point) => {
    if (point !== 'activity.answer' || Context.current().info.activityType !== type || isHeld) return;
    isHeld = true;
    await gate.promise;
  });
  return { isHeld: () => isHeld, letGo: gate.resolve };
}

const pendingOf = async (job: HeldJob, type: string): Promise<string> =>
  await untilFound(async () => {
    const { pendingActivities } = (await job.handle.describe()).raw;
    return pendingActivities?.find(({ activityType }) => activityType?.name === type)?.activityId ?? undefined;
  });

const APPROVED: HeldPlan = { held: { approval: 'before-apply' } };

async function approve(job: HeldJob): Promise<void> {
  const { digest } = await untilAsked(job.handle);
  await job.handle.signal('decide', { digest, answer: 'approve', by: 'ada', reason: 'seen' });
}

describe('around a question', () => {
  for (const type of ['verifyWorld', 'repair', 'release'])
    for (const how of ['complete', 'fail'])
      test(`${type} that is ended by hand (${how}) is requested again, told, and does its work once`, async () => {
        const job = await held.start(jobs, APPROVED);
        job.letGo();
        await untilAsked(job.handle);
        const answer = answerOf(type);
        await approve(job);
        await untilTrue(answer.isHeld);
        const which = ['--activity-id', await pendingOf(job, type), '--workflow-id', job.id];
        if (how === 'complete') await operator('activity', 'complete', ...which, '--result', '{"kind":"verified"}');
        else await operator('activity', 'fail', ...which, '--reason', 'enough of it');
        await untilStatus(job.handle, ({ refusals }) => refusals.length > 0);
        answer.letGo();
        await job.handle.result();
        assert.deepEqual(job.look(), DONE);
        const { state, refusals, ending } = await statusOf(job.handle);
        assert.deepEqual([state, refusals.length, ending ?? []], ['completed', 1, []]);
        assert.match(refusals[0]!.problems[0]!, new RegExp(`^the result of ${type}.* was passed over`));
      });

  test('an operator finds nothing to complete, and what is reset asks the same again', async () => {
    const job = await held.start(jobs, APPROVED);
    job.letGo();
    const asked = await untilAsked(job.handle);
    await assert.rejects(complete(job, invented(9)), /not found|not pending|unable to complete/i);
    await operator(
      'workflow',
      'reset',
      '--workflow-id',
      job.id,
      '--type',
      'LastWorkflowTask',
      '--reason',
      'to be sure',
    );
    const again = await untilAsked(temporal.client.workflow.getHandle(job.id));
    assert.deepEqual([again.kind, again.stepId], [asked.kind, asked.stepId]);
    const handle = temporal.client.workflow.getHandle(job.id);
    await handle.signal('decide', { digest: again.digest, answer: 'approve', by: 'ada', reason: 'seen' });
    await handle.result();
    assert.deepEqual(job.look(), DONE);
  });
});

test('a step whose Workflow is terminated is not forgotten: the next job in its workspace asks', async () => {
  const job = await held.start(jobs, APPROVED);
  job.letGo();
  await untilAsked(job.handle);
  await operator('workflow', 'terminate', '--workflow-id', job.id, '--reason', 'enough of it');
  const next = await held.startIn(jobs, job);
  const { kind, digest } = await untilAsked(next.handle);
  assert.equal(kind, 'foreign');
  await jobs.client.decide(next.id, { answer: 'accept', by: 'ada', reason: 'it is dead', digest });
  await approve(next);
  await next.handle.result();
  assert.deepEqual(next.look(), DONE);
});
