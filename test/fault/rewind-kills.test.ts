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

before(async () => {
  const job = openRewoundJob({ workspace: makeWorld(done) });
  await firstHalf(job);
  atCheckpoint = worldOf(job.workspace);
  await secondHalf(job);
  ({ memory, jobId } = job);
  to = checkpointsOf(job)[1]!;
  await job.close();
});

function copyOf(name: string): string {
  const workspace = join(root, name);
  cpSync(done, workspace, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  return workspace;
}

/** Undefined: it was killed. */
async function rewind(workspace: string, killing: Killing = {}): Promise<RepairResult | undefined> {
  const order: RewindOrder = { workspace, memory, to, ...killing };
  return await answerOf<RepairResult>(startChild({ script: CHILD, order, compiled: join(root, 'compiled') }));
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

test('killed at every point of a rewind in turn, a job ends up at the checkpoint, once', async () => {
  const workspace = copyOf('every-point');
  const killed = join(root, 'killed');
  let result;
  for (let processes = 1; result === undefined; processes++) {
    assert.ok(processes <= FAULT_POINTS.length, 'each process is killed at another point');
    result = await rewind(workspace, { killOnceAt: 'every point', killed });
  }
  const reached = linesOf(killed);
  for (const point of ['repair.sealed-before', 'repair.sealed-after', 'repair.record-before', 'repair.record-after'])
    assert.ok(reached.includes(point), `${point} is reached`);
  mustBeRewound(workspace, result);
});

test('killed once at each hit of each point, a job ends up at the checkpoint, once', async () => {
  const hits = join(root, 'hits');
  mustBeRewound(copyOf('unharmed'), await rewind(join(root, 'unharmed'), { hits }));
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
    const workspace = copyOf(`kill-${index}`);
    const killed = join(root, `killed-${index}`);
    const first = await rewind(workspace, { kill, killed });
    mustBeRewound(workspace, first ?? (await rewind(workspace)));
    rmSync(workspace, { recursive: true, force: true });
  });
  assert.deepEqual(failures, []);
});
