/**
 * Temporal's server is killed and started again, not to be reached for a minute, and hears of an Activity's end never,
 * late or twice: the job goes on by itself, and each effect is made once.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { cli, type Ran } from '../support/cli-terminal.ts';
import { untilAsked } from '../support/job-status.ts';
import { restartableTemporal } from '../support/restartable-temporal.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { untilTrue } from '../support/until.ts';
import { HeldSteps, textOf, type HeldJob } from './support/held-steps.ts';

const OUTAGE_MS = 60_000;
/** A command that can't reach the server says so within this. */
const COMMAND_LIMIT_MS = 45_000;
const DONE = { inserts: ['real'], held: 'real', after: 'after real' };

const temporal = await restartableTemporal();
const held = new HeldSteps();
const jobs = servedJobs(temporal, 'temporal-away', { steps: [held.step] });
after(() => held.letAllGo());
afterEach(() => setFaultHook(undefined));

const isApplied = (job: HeldJob) => (): boolean => textOf(job.workspace, 'held.txt') !== undefined;
const holdfast = async (...args: string[]): Promise<Ran> =>
  await cli([...args, '--json'], { cwd: jobs.root, env: { ...process.env, ...temporal.env } });

async function endsOnce(job: HeldJob): Promise<void> {
  await temporal.client.workflow.getHandle(job.id).result();
  assert.deepEqual(job.look(), DONE);
}

async function approve(job: HeldJob, digest: string): Promise<void> {
  await job.handle.signal('decide', { digest, answer: 'approve', by: 'ada', reason: 'seen' });
}

test('killed and started again while a step’s code runs: its effects are made once', async () => {
  const job = await held.start(jobs);
  await temporal.kill();
  await temporal.startAgain();
  job.letGo();
  await endsOnce(job);
});

test('killed while a step is applied, and started again behind that: its effects are made once', async () => {
  const job = await held.start(jobs);
  await temporal.kill();
  job.letGo();
  await untilTrue(isApplied(job), { what: 'the step is applied without a server' });
  await temporal.startAgain();
  await endsOnce(job);
});

test('killed and started again while a question waits: it is the same, and its answer counts once', async () => {
  const job = await held.start(jobs, { held: { approval: 'before-apply' } });
  job.letGo();
  const asked = await untilAsked(job.handle);
  await temporal.kill();
  await temporal.startAgain();
  const again = await untilAsked(job.handle);
  assert.equal(again.digest, asked.digest);
  await approve(job, again.digest);
  await endsOnce(job);
});

for (const state of ['closed', 'silent'] as const)
  test(`not to be reached for a minute (${state}) while a step is applied and completes: made once`, async () => {
    const job = await held.start(jobs);
    temporal.relay.state = state;
    job.letGo();
    await untilTrue(isApplied(job), { what: 'the step is applied without a server' });
    await delay(OUTAGE_MS);
    temporal.relay.cut();
    temporal.relay.state = 'open';
    await endsOnce(job);
  });

for (const state of ['closed', 'silent'] as const)
  test(`not to be reached (${state}) by a command: it says so, and the same again does it once`, async () => {
    const job = await held.start(jobs, { held: { approval: 'before-apply' } });
    job.letGo();
    const { digest } = await untilAsked(job.handle);
    const plan = { schemaVersion: 1, name: 'p', workspace: `p-${state}`, steps: [] as object[] };
    plan.steps = [{ id: 'a', use: 'file.write', with: { path: 'a.txt', content: 'a' } }];
    writeFileSync(join(jobs.root, 'p.json'), JSON.stringify(plan));
    const id = temporal.unique('started');
    const commands = {
      status: ['status', job.id],
      start: ['start', 'p.json', '--id', id, '-q', jobs.taskQueue],
      decide: ['decide', job.id, 'approve', '--question', digest, '--by', 'ada', '--reason', 'seen'],
    };
    temporal.relay.state = state;
    for (const [name, command] of Object.entries(commands)) {
      const startedMs = performance.now();
      const { code, err, out } = await holdfast(...command);
      const tookMs = performance.now() - startedMs;
      assert.ok(code !== 0 && tookMs < COMMAND_LIMIT_MS, `${name}: ${code} after ${tookMs} ms`);
      assert.match(err + out, /server-unreachable/, name);
    }
    temporal.relay.cut();
    temporal.relay.state = 'open';
    // The worker, too, finds its way back.
    await untilTrue(async () => [0, 3].includes((await holdfast(...commands.status)).code), { limitMs: 60_000 });
    for (const [name, command] of Object.entries(commands)) {
      const { code, err } = await holdfast(...command);
      assert.ok([0, 3].includes(code), `${name}: ${code} ${err}`);
    }
    await endsOnce(job);
    await temporal.client.workflow.getHandle(id).result();
  });

/** At the moment when the step's end is about to be told. */
function whenAnswering(act: () => void): void {
  let isOver = false;
  setFaultHook((point) => {
    if (isOver || point !== 'activity.answer' || Context.current().info.activityId !== 'held') return;
    isOver = true;
    act();
  });
}

test('cut off as a step’s end is about to be told: it is told again, and its effects are made once', async () => {
  const job = await held.start(jobs);
  whenAnswering(() => (temporal.relay.state = 'closed'));
  job.letGo();
  await untilTrue(isApplied(job));
  await delay(3_000);
  assert.equal(await isHeardOf(job), false);
  temporal.relay.state = 'open';
  await endsOnce(job);
});

test('cut off when the server has heard of a step’s end, before it says so: its effects are made once', async () => {
  const job = await held.start(jobs);
  whenAnswering(() => (temporal.relay.state = 'mute'));
  job.letGo();
  await untilTrue(() => isHeardOf(job), { what: 'the server has heard of it' });
  temporal.relay.cut();
  temporal.relay.state = 'open';
  await endsOnce(job);
});

/** Has the server heard that the held step has ended? */
async function isHeardOf(job: HeldJob): Promise<boolean> {
  const { events } = await job.handle.fetchHistory();
  const scheduled = events!.find(({ activityTaskScheduledEventAttributes: it }) => it?.activityId === 'held')!.eventId!;
  return events!.some(({ activityTaskCompletedEventAttributes: it }) => it?.scheduledEventId?.eq(scheduled));
}

test('a step’s end that the server hears of twice, and once more behind the job, is heard of once', async () => {
  const job = await held.start(jobs);
  let taskToken: Uint8Array | undefined;
  setFaultHook((point) => {
    if (point !== 'activity.answer' || Context.current().info.activityId !== 'held') return;
    ({ taskToken } = Context.current().info);
  });
  job.letGo();
  await endsOnce(job);
  for (const answer of ['"again"', 'null'])
    await assert.rejects(
      temporal.connection.workflowService.respondActivityTaskCompleted({
        namespace: temporal.namespace,
        taskToken: taskToken!,
        result: { payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(answer) }] },
      }),
      /not found|already completed/i,
    );
  assert.deepEqual(job.look(), DONE);
});

test('the end of an attempt that comes after the next one’s is passed over: effects are made once', async () => {
  const job = await held.start(jobs);
  const late = Promise.withResolvers<void>();
  let isHeld = false;
  setFaultHook(async (point) => {
    if (point !== 'activity.answer' || Context.current().info.activityId !== 'held' || isHeld) return;
    isHeld = true;
    await late.promise;
  });
  job.letGo();
  await untilTrue(() => isHeld);
  // Its heartbeats go on: only the server can be told that it is over.
  const { workflowService } = temporal.connection;
  const execution = { workflowId: job.id };
  await workflowService.resetActivity({ namespace: temporal.namespace, execution, id: 'held' });
  await delay(1_500);
  late.resolve();
  await endsOnce(job);
});
