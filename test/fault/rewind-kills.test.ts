/**
 * A process that rewinds a job is killed by SIGKILL, its successor goes on: files and rows are as at the checkpoint,
 * and the record has the rewind once.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { RepairResult } from '../../src/model/job/repair.ts';
import { FAULT_POINTS } from '../../src/store/fault-point.ts';
import type { TestJobMemory } from '../../src/testing.ts';
import { answerOf, startChild } from '../support/child-process.ts';
import { linesOf, type Killing } from '../support/killing.ts';
import { decisionsOf } from '../support/ledger.ts';
import type { RewindOrder } from '../support/rewind-child.ts';
import { checkpointsOf, firstHalf, makeWorld, openRewoundJob, secondHalf, worldOf } from '../support/rewound-job.ts';
import { twoAtATime } from '../support/undo-kills.ts';

const CHILD = new URL('../support/rewind-child.ts', import.meta.url).pathname;
const root = mkdtempSync(join(tmpdir(), 'holdfast-rewind-kills-'));
after(() => rmSync(root, { recursive: true, force: true }));

let memory: TestJobMemory;
let jobId: string;
let to: number;
let atCheckpoint: unknown;
const done = join(root, 'done');
/** One that went back and has run on since. */
const back = join(root, 'back');
let beforeRewind: unknown;
let memoryBack: TestJobMemory;

before(async () => {
  const job = openRewoundJob({ workspace: makeWorld(done) });
  await firstHalf(job);
  atCheckpoint = worldOf(job.workspace);
  await secondHalf(job);
  ({ memory, jobId } = job);
  to = checkpointsOf(job)[1]!;
  await job.close();
  beforeRewind = worldOf(done);
  const again = openRewoundJob({ workspace: copyOf('back'), memory });
  assert.ok((await again.rewind({ to })).kind === 'repaired');
  await secondHalf(again, 'call');
  memoryBack = again.memory;
  await again.close();
});

function copyOf(name: string, from = done): string {
  const workspace = join(root, name);
  cpSync(from, workspace, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  return workspace;
}

/** Undefined: it was killed. */
type Act = (workspace: string, killing?: Killing) => Promise<RepairResult | undefined>;

const rewind: Act = async (workspace, killing = {}) => await answered({ workspace, memory, to, ...killing });
const undo: Act = async (workspace, killing = {}) => await answered({ workspace, memory: memoryBack, ...killing });

async function answered(order: RewindOrder): Promise<RepairResult | undefined> {
  return await answerOf<RepairResult>(startChild({ script: CHILD, order, compiled: join(root, 'compiled') }));
}

function mustBeUndone(workspace: string, result: RepairResult | undefined): void {
  assert.ok(result?.kind === 'repaired', JSON.stringify(result));
  assert.deepEqual(result.reinstated, ['second', 'add', 'make']);
  assert.deepEqual(worldOf(workspace), beforeRewind);
  const kinds = decisionsOf(workspace, jobId).map(({ undoesRewind }) => undoesRewind !== undefined);
  assert.deepEqual(kinds, [false, true]);
}

function mustBeRewound(workspace: string, result: RepairResult | undefined): void {
  assert.ok(result?.kind === 'repaired', JSON.stringify(result));
  assert.deepEqual(
    result.reruns.map(({ stepId, generation }) => [stepId, generation]),
    [
      ['second', 1],
      ['add', 1],
      ['make', 1],
    ],
  );
  assert.deepEqual(worldOf(workspace), atCheckpoint);
  assert.equal(decisionsOf(workspace, jobId).length, 1);
}

/** Each process is killed at another point, until one comes through. */
async function mustOutliveAll(act: Act, name: string, from: string, mustBeDone: typeof mustBeRewound): Promise<void> {
  const workspace = copyOf(`${name}-every-point`, from);
  const killed = join(root, `${name}-killed`);
  let result;
  for (let processes = 1; result === undefined; processes++) {
    assert.ok(processes <= FAULT_POINTS.length, 'each process is killed at another point');
    result = await act(workspace, { killOnceAt: 'every point', killed });
  }
  const reached = linesOf(killed);
  for (const point of ['repair.sealed-before', 'repair.sealed-after', 'repair.record-before', 'repair.record-after'])
    assert.ok(reached.includes(point), `${point} is reached`);
  mustBeDone(workspace, result);
}

/** One process is killed at each hit of each point; its successor comes through. */
async function mustOutliveEach(act: Act, name: string, from: string, mustBeDone: typeof mustBeRewound): Promise<void> {
  const hits = join(root, `${name}-hits`);
  mustBeDone(copyOf(`${name}-unharmed`, from), await act(join(root, `${name}-unharmed`), { hits }));
  const counted = new Map<string, number>();
  const all = linesOf(hits).map((point) => {
    const hit = (counted.get(point) ?? 0) + 1;
    counted.set(point, hit);
    return { point, hit };
  });
  // Each fsync stands between points of what it is for.
  const kills = all.filter(({ point }) => !point.startsWith('fsync.'));
  assert.ok(kills.length > 20, `${kills.length} hits`);
  const failures = await twoAtATime(kills, async (kill, index) => {
    const workspace = copyOf(`${name}-kill-${index}`, from);
    const killed = join(root, `${name}-killed-${index}`);
    const first = await act(workspace, { kill, killed });
    mustBeDone(workspace, first ?? (await act(workspace)));
    rmSync(workspace, { recursive: true, force: true });
  });
  assert.deepEqual(failures, []);
}

test('killed at every point of a rewind in turn, a job ends up at the checkpoint, once', async () => {
  await mustOutliveAll(rewind, 'rewind', done, mustBeRewound);
});

test('killed once at each hit of each point, a job ends up at the checkpoint, once', async () => {
  await mustOutliveEach(rewind, 'rewind', done, mustBeRewound);
});

test('killed at every point of undoing a rewind in turn, a job is as before the rewind, once', async () => {
  await mustOutliveAll(undo, 'undo', back, mustBeUndone);
});

test('killed once at each hit of each point of undoing a rewind, a job is as before the rewind, once', async () => {
  await mustOutliveEach(undo, 'undo', back, mustBeUndone);
});
