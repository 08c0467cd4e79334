/**
 * A process that undoes what a reset made the Workflow forget is killed by SIGKILL at each point; its successor goes
 * on: files and rows are as at the reset, the record says it once, and the steps run again, once.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FAULT_POINTS } from '../../src/store/fault-point.ts';
import type { TestJobMemory } from '../../src/testing.ts';
import { answerOf, startChild } from '../support/child-process.ts';
import { linesOf, type Killing } from '../support/killing.ts';
import { decisionsOf, stepRecordsOf } from '../support/ledger.ts';
import { firstHalf, makeWorld, openRewoundJob, secondHalf, worldOf } from '../support/rewound-job.ts';
import { twoAtATime } from '../support/undo-kills.ts';
import type { ResetAnswer, ResetOrder } from '../support/undo-reset-child.ts';

const CHILD = new URL('../support/undo-reset-child.ts', import.meta.url).pathname;
const root = mkdtempSync(join(tmpdir(), 'holdfast-undo-reset-'));
after(() => rmSync(root, { recursive: true, force: true }));

let memory: TestJobMemory;
let jobId: string;
let atReset: unknown;
const done = join(root, 'done');

before(async () => {
  const job = openRewoundJob({ workspace: makeWorld(done) });
  await firstHalf(job);
  atReset = worldOf(job.workspace);
  memory = { ...job.memory, steps: [...job.memory.steps] };
  await secondHalf(job);
  ({ jobId } = job);
  await job.close();
});

function copyOf(name: string): string {
  const workspace = join(root, name);
  cpSync(done, workspace, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  return workspace;
}

/** Undefined: it was killed. */
async function undo(workspace: string, killing: Killing = {}): Promise<ResetAnswer | undefined> {
  const order: ResetOrder = { workspace, memory, runId: 'run-2', ...killing };
  return await answerOf<ResetAnswer>(startChild({ script: CHILD, order, compiled: join(root, 'compiled') }));
}

async function mustBeUndone(workspace: string, answer: ResetAnswer | undefined): Promise<void> {
  assert.equal(answer?.kinds.at(-1), 'verified', JSON.stringify(answer));
  assert.deepEqual(worldOf(workspace), atReset);
  assert.equal(decisionsOf(workspace, jobId).length, 1);
  const job = openRewoundJob({ workspace, memory, runId: 'run-2' });
  try {
    assert.equal((await job.verify()).kind, 'verified');
    await secondHalf(job);
  } finally {
    await job.close();
  }
  assert.deepEqual(
    ['first', 'second', 'add', 'make'].map((id) => stepRecordsOf(workspace, jobId, id).length),
    [1, 2, 2, 2],
  );
}

test('killed at every point of undoing what a reset forgot in turn, it is undone, once', async () => {
  const workspace = copyOf('every-point');
  const killed = join(root, 'killed');
  let answer;
  for (let processes = 1; answer === undefined; processes++) {
    assert.ok(processes <= FAULT_POINTS.length, 'each process is killed at another point');
    answer = await undo(workspace, { killOnceAt: 'every point', killed });
  }
  const reached = linesOf(killed);
  for (const point of ['repair.sealed-before', 'repair.sealed-after', 'repair.record-before', 'repair.record-after'])
    assert.ok(reached.includes(point), `${point} is reached`);
  await mustBeUndone(workspace, answer);
});

test('killed once at each hit of each point of undoing what a reset forgot, it is undone, once', async () => {
  const hits = join(root, 'hits');
  const unharmed = copyOf('unharmed');
  await mustBeUndone(unharmed, await undo(unharmed, { hits }));
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
    const first = await undo(workspace, { kill, killed: join(root, `killed-${index}`) });
    await mustBeUndone(workspace, first ?? (await undo(workspace)));
    rmSync(workspace, { recursive: true, force: true });
  });
  assert.deepEqual(failures, []);
});
