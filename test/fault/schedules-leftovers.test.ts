/**
 * A stale worker: it freezes in the middle of a request (SIGSTOP), other workers go on, it wakes (SIGCONT). It must
 * change neither the world nor the record.
 */
import assert from 'node:assert/strict';
import { type ChildProcess } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { FaultPoint } from '../../src/store/fault-point.ts';
import { DrivenJob } from './support/driven-job.ts';
import { JobHistory } from './support/job-history.ts';
import {
  answerKillJob,
  beforeSummary,
  killJobSteps,
  prepareWorld,
  summary,
  type KillJobPlaces,
} from './support/kill-job.ts';
import { filesIn } from './support/kill-run.ts';
import { dumpLedger } from './support/ledger-dump.ts';
import type { LeftoverOrder } from './support/leftover-child.ts';
import { lookAtDatabase } from './support/outside-database.ts';
import { ended, startChild, stopped } from '../support/child-process.ts';

const CHILD = new URL('./support/leftover-child.ts', import.meta.url).pathname;
const FIRST_RUN = 'run-1';
const SECOND_RUN = 'run-2';

let root: string;
let places: KillJobPlaces;
let children: ChildProcess[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-leftover-'));
  places = {
    workspace: join(root, 'workspace'),
    outside: join(root, 'outside'),
    databaseUrl: `sqlite:${join(root, 'workspace/db/main.db')}`,
  };
  mkdirSync(places.outside, { recursive: true });
  prepareWorld(places);
  writeFileSync(currentRun(), FIRST_RUN);
  children = [];
});

afterEach(async () => {
  for (const child of children) {
    child.kill('SIGKILL');
    await ended(child);
  }
  rmSync(root, { recursive: true, force: true });
});

const currentRun = (): string => join(places.outside, 'current-run');
const historyPath = (): string => join(places.outside, 'history');

function openJob(workerId: string, runId: string): DrivenJob {
  return new DrivenJob({
    workspace: places.workspace,
    history: new JobHistory(historyPath()),
    steps: killJobSteps(places),
    databases: { main: 'sqlite:db/main.db' },
    env: {},
    answer: answerKillJob,
    runId,
    workerId,
    currentRunId: () => readFileSync(currentRun(), 'utf8'),
  });
}

/** The job up to the step that will be frozen, as another worker left it. */
async function begin(): Promise<void> {
  const job = openJob('first worker', FIRST_RUN);
  await beforeSummary(job, places);
  await job.close();
}

async function freeze(stopAt: FaultPoint, request: LeftoverOrder['request'] = 'step'): Promise<ChildProcess> {
  const history = join(places.outside, 'history of the leftover');
  copyFileSync(historyPath(), history);
  const order: LeftoverOrder = { ...places, history, currentRun: currentRun(), runId: FIRST_RUN, stopAt, request };
  const { process: child } = startChild({ script: CHILD, order });
  children.push(child);
  await stopped(child, stopAt);
  return child;
}

/** Wakes the worker and checks that world and record stay unchanged. @returns the outcome of its request */
async function wake(child: ChildProcess): Promise<string> {
  const look = async (): Promise<unknown> => ({
    files: filesIn(places.workspace),
    database: await lookAtDatabase(places.databaseUrl),
    ledger: dumpLedger(places.workspace),
  });
  const before = await look();
  child.kill('SIGCONT');
  await ended(child);
  assert.equal(child.exitCode, 0);
  assert.deepEqual(await look(), before, 'a leftover has changed something');
  return readFileSync(join(places.outside, 'outcome'), 'utf8');
}

for (const point of ['user-code.before', 'user-code.after', 'prepare.files-written'] as const) {
  test(`a worker frozen at ${point} changes nothing when it wakes after its successor did the step`, async () => {
    await begin();
    const leftover = await freeze(point);
    const successor = openJob('successor', FIRST_RUN);
    await beforeSummary(successor, places);
    assert.deepEqual(await successor.step(summary, {}), { text: 'generation 0' });
    await successor.close();
    assert.equal(await wake(leftover), 'fenced');
  });

  test(`a worker frozen at ${point} changes nothing when it wakes after the step was run again`, async () => {
    await begin();
    const leftover = await freeze(point);
    const successor = openJob('successor', FIRST_RUN);
    await beforeSummary(successor, places);
    await successor.step(summary, {});
    await successor.outside('edit', () =>
      writeFileSync(join(places.workspace, 'out/deep/summary.txt'), 'a person knows better\n'),
    );
    await successor.verify('asked', 'after the edit');
    assert.deepEqual(await successor.step(summary, {}), { text: 'generation 1' });
    await successor.close();
    assert.equal(await wake(leftover), 'fenced');
  });

  test(`a worker frozen at ${point} changes nothing when it wakes after a reset`, async () => {
    await begin();
    const leftover = await freeze(point);
    writeFileSync(currentRun(), SECOND_RUN);
    const afterReset = openJob('worker of the second Run', SECOND_RUN);
    await beforeSummary(afterReset, places);
    await afterReset.step(summary, {});
    await afterReset.close();
    assert.equal(await wake(leftover), 'fenced');
  });

  test(`a worker frozen at ${point} applies nothing when it wakes after a reset, its step not yet done`, async () => {
    await begin();
    const leftover = await freeze(point);
    writeFileSync(currentRun(), SECOND_RUN);
    const afterReset = openJob('worker of the second Run', SECOND_RUN);
    await beforeSummary(afterReset, places);
    await afterReset.verify('asked', 'first of the second Run');
    await afterReset.close();
    assert.ok(!('out/deep/summary.txt' in filesIn(places.workspace)));
    assert.equal(await wakeBeforeTheStep(leftover), 'fenced');
    assert.ok(!('out/deep/summary.txt' in filesIn(places.workspace)));
  });
}

/** The frozen worker's claim is still the latest: it may close this claim, and change nothing else. */
async function wakeBeforeTheStep(child: ChildProcess): Promise<string> {
  const look = async (): Promise<unknown> => ({
    files: withoutTemporary(filesIn(places.workspace)),
    database: await lookAtDatabase(places.databaseUrl),
    ledger: { ...(dumpLedger(places.workspace) as object), claim: undefined },
  });
  const before = await look();
  child.kill('SIGCONT');
  await ended(child);
  assert.deepEqual(await look(), before, 'a leftover has changed something');
  assert.deepEqual(
    Object.keys(filesIn(places.workspace)).filter((name) => name.includes('.holdfast-')),
    [],
    'it takes what it prepared away',
  );
  return readFileSync(join(places.outside, 'outcome'), 'utf8');
}

function withoutTemporary(files: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(files).filter(([name]) => !name.includes('.holdfast-')));
}

test('a verification frozen before a reset does nothing when it wakes after it', async () => {
  await begin();
  writeFileSync(join(places.workspace, 'data/raw/in.txt'), 'so that there is something to ask\n');
  const leftover = await freeze('verify.compared', 'verification');
  writeFileSync(join(places.workspace, 'data/raw/in.txt'), 'old once:1\n');
  writeFileSync(currentRun(), SECOND_RUN);
  const afterReset = openJob('worker of the second Run', SECOND_RUN);
  await beforeSummary(afterReset, places);
  await afterReset.step(summary, {});
  await afterReset.close();
  assert.equal(await wake(leftover), 'not-current-run');
});
