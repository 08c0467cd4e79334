/**
 * A process that carries out an edit is killed by SIGKILL, its successor goes on: what the step did is taken back, and
 * what a person gave is in the record once; then the step runs with it.
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
import type { EditOrder } from '../support/edit-child.ts';
import { linesOf, type Killing } from '../support/killing.ts';
import { decisionsOf } from '../support/ledger.ts';
import { firstHalf, makeWorld, openRewoundJob, secondHalf, worldOf } from '../support/rewound-job.ts';

const CHILD = new URL('../support/edit-child.ts', import.meta.url).pathname;
const root = mkdtempSync(join(tmpdir(), 'holdfast-edit-kills-'));
after(() => rmSync(root, { recursive: true, force: true }));

let memory: TestJobMemory;
let jobId: string;
let beforeStep: unknown;
const done = join(root, 'done');

before(async () => {
  const job = openRewoundJob({ workspace: makeWorld(done) });
  await firstHalf(job);
  beforeStep = worldOf(job.workspace);
  await secondHalf(job);
  ({ memory, jobId } = job);
  await job.close();
});

/** Undefined: it was killed. */
async function edit(workspace: string, killing: Killing = {}): Promise<RepairResult | undefined> {
  const order: EditOrder = { workspace, memory, asNode: 'second', ...killing };
  return await answerOf<RepairResult>(startChild({ script: CHILD, order, compiled: join(root, 'compiled') }));
}

test('killed at every point of an edit in turn, what was given is in the record once', async () => {
  const workspace = join(root, 'every-point');
  cpSync(done, workspace, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  const killed = join(root, 'killed');
  let result;
  for (let processes = 1; result === undefined; processes++) {
    assert.ok(processes <= FAULT_POINTS.length, 'each process is killed at another point');
    result = await edit(workspace, { killOnceAt: 'every point', killed });
  }
  const reached = linesOf(killed);
  for (const point of ['repair.sealed-before', 'repair.sealed-after', 'repair.record-before', 'repair.record-after'])
    assert.ok(reached.includes(point), `${point} is reached`);
  assert.ok(result.kind === 'repaired', JSON.stringify(result));
  assert.deepEqual(
    result.reruns.map(({ stepId, generation }) => [stepId, generation]),
    [
      ['second', 1],
      ['add', 1],
      ['make', 1],
    ],
  );
  const putIn = { output: {}, values: { note: 'by hand' } };
  assert.deepEqual(result.putIns, { second: putIn });
  assert.deepEqual(worldOf(workspace), beforeStep, 'what it did, and what came after it, is taken back');
  const decisions = decisionsOf(workspace, jobId);
  assert.deepEqual(
    decisions.map(({ edits }) => edits),
    [{ stepId: 'second', ...putIn }],
  );
});
