/** Another process has locked a job's SQLite database when a step wants to change it, or the job to compare it. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { testTemporal } from '../support/temporal.ts';
import { temporalCommand } from '../support/temporal-command.ts';
import { untilTrue } from '../support/until.ts';
import { HeldSteps, type HeldJob } from './support/held-steps.ts';

/** A step waits this long for a lock; then its attempt is given up as busy. */
const BUSY_LIMIT_MS = 5_000;
const DONE = { inserts: ['real'], held: 'real', after: 'after real' };

const temporal = await testTemporal();
const operator = await temporalCommand(temporal);
const held = new HeldSteps();
const jobs = servedJobs(temporal, 'locked', { steps: [held.step] });
const locking = new Set<ChildProcess>();
after(() => {
  held.letAllGo();
  for (const child of locking) child.kill('SIGKILL');
});

/** A process that has the database until it is told to end. */
async function locked({ workspace }: HeldJob, how: 'EXCLUSIVE' | 'IMMEDIATE'): Promise<{ unlock(): Promise<void> }> {
  const script = `
    import { DatabaseSync } from 'node:sqlite';
    const database = new DatabaseSync(${JSON.stringify(join(workspace, 'main.db'))});
    database.exec('PRAGMA busy_timeout = 10000; BEGIN ${how}');
    process.stdout.write('has it');
    process.stdin.resume().once('end', () => process.exit());`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  locking.add(child);
  await once(child.stdout, 'data');
  return {
    async unlock() {
      child.stdin.end();
      await once(child, 'exit');
      locking.delete(child);
    },
  };
}

async function attemptsOf({ handle }: HeldJob): Promise<number> {
  const { events } = await handle.fetchHistory();
  const scheduled = events!.find(({ activityTaskScheduledEventAttributes: it }) => it?.activityId === 'held')!.eventId!;
  const started = events!.find(({ activityTaskStartedEventAttributes: it }) => it?.scheduledEventId?.eq(scheduled));
  return started!.activityTaskStartedEventAttributes!.attempt!;
}

for (const how of ['EXCLUSIVE', 'IMMEDIATE'] as const) {
  test(`for a moment (${how}): the step waits, and its row is made once by the same attempt`, async () => {
    const job = await held.start(jobs);
    const lock = await locked(job, how);
    job.letGo();
    await delay(BUSY_LIMIT_MS / 3);
    await lock.unlock();
    await job.handle.result();
    assert.deepEqual(job.look(), DONE);
    assert.equal(await attemptsOf(job), 1);
  });

  test(`for longer than a step waits (${how}): it is tried again, says why, and makes its row once`, async () => {
    const job = await held.start(jobs);
    const lock = await locked(job, how);
    job.letGo();
    const says = async (): Promise<boolean> => JSON.stringify(await jobs.client.status(job.id)).includes('"busy"');
    await untilTrue(says, { what: 'the status says why', limitMs: 4 * BUSY_LIMIT_MS });
    await lock.unlock();
    await job.handle.result();
    assert.deepEqual(job.look(), DONE);
    assert.ok((await attemptsOf(job)) > 1);
  });
}

test('for as long as its Activity may run: a person is asked, and the row is made once', async () => {
  const job = await held.start(jobs);
  const at = ['--activity-id', 'held', '--workflow-id', job.id];
  const lock = await locked(job, 'EXCLUSIVE');
  job.letGo();
  await operator('activity', 'update-options', ...at, '--retry-maximum-attempts', '1');
  await operator('activity', 'update-options', ...at, '--start-to-close-timeout', '2s');
  const { kind, digest } = await untilAsked(job.handle, 40_000);
  assert.equal(kind, 'stuck');
  await lock.unlock();
  await jobs.client.decide(job.id, { answer: 'recheck', digest, by: 'ada', reason: 'it is free' });
  await job.handle.result();
  assert.deepEqual(job.look(), DONE);
});

test('while the world is compared: it is out of reach, not gone, and the job goes on by recheck', async () => {
  const job = await held.start(jobs, { held: { approval: 'before-apply' } });
  job.letGo();
  const approval = await untilAsked(job.handle);
  const lock = await locked(job, 'EXCLUSIVE');
  await job.handle.signal('decide', { digest: approval.digest, answer: 'approve', by: 'ada', reason: 'seen' });
  const { questions } = await untilStatus(job.handle, (status) => status.questions[0]?.kind === 'unverifiable', 60_000);
  const [question] = questions;
  assert.deepEqual(
    question!.findings.map(({ resource, kind, answers }) => [resource, kind, answers]),
    [['database:main', 'unreachable', ['recheck', 'abort']]],
  );
  await lock.unlock();
  await job.handle.signal('decide', { digest: question!.digest, answer: 'recheck', by: 'ada', reason: 'it is free' });
  // What was approved could not be looked at, so it is shown once more.
  const again = await untilStatus(job.handle, (status) => status.questions[0]?.kind === 'approval');
  const { digest } = again.questions[0]!;
  await job.handle.signal('decide', { digest, answer: 'approve', by: 'ada', reason: 'seen' });
  await job.handle.result();
  assert.deepEqual(job.look(), DONE);
});
