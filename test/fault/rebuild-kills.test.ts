/**
 * A process that makes a damaged record anew is killed by SIGKILL, or meets a disk that fails; the same decision sent
 * again completes it: the record is that of the store, with the decision once.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, truncateSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { RepairResult } from '../../src/model/job/repair.ts';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import type { Question } from '../../src/model/question/question.ts';
import { FAULT_POINTS } from '../../src/store/fault-point.ts';
import { openTestJob, type TestJobMemory } from '../../src/testing.ts';
import { answerOf, startChild } from '../support/child-process.ts';
import { linesOf, type Killing } from '../support/killing.ts';
import { decisionsOf } from '../support/ledger.ts';
import { openRebuiltJob, type FailingRebuilds, type RebuildOrder } from '../support/rebuild-child.ts';
import { dumpLedger, Notes, sealAll } from '../support/stored-job.ts';
import { sqliteScript } from '../support/sqlite.ts';
import { twoAtATime } from '../support/undo-kills.ts';
import { buildFailingIo, withoutCompiler } from './support/failing-io.ts';

const CHILD = new URL('../support/rebuild-child.ts', import.meta.url).pathname;
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-rebuild-kills-')));
const lost = join(root, 'lost');
const store = join(root, 'store');
after(() => rmSync(root, { recursive: true, force: true }));

let memory: TestJobMemory;
let jobId: string;
let place: number;
let whole: Record<string, readonly unknown[]>;

before(async () => {
  mkdirSync(lost);
  const job = openTestJob({ workspace: lost, checkpoint: { store } });
  const notes = new Notes();
  for (const [stepId, content] of [
    ['a', 'a'],
    ['b', 'b'.repeat(50_000)],
    ['c', 'c'],
  ] as const)
    await job.step(fileWriteStep, { path: `${stepId}.txt`, content }, { stepId, checkpoints: [notes.next()] });
  await sealAll(job, store);
  ({ memory, jobId } = job);
  await job.close();
  // The Workflow has heard of nothing that came after the last checkpoint.
  const { record } = dumpLedger(lost, 1_000);
  const last = record!.findLast((one) => (one as { kind: string }).kind === 'checkpoint') as {
    seq: number;
    head: string;
  };
  place = last.seq;
  memory = {
    ...memory,
    known: { seq: last.seq, head: last.head },
    steps: memory.steps.filter(([, , seq]) => seq <= place),
  };
  whole = dumpLedger(lost, place);
  rmSync(join(lost, 'c.txt'));
  sqliteScript(join(lost, '.holdfast', 'ledger.sqlite'), 'PRAGMA wal_checkpoint(TRUNCATE)');
  truncateSync(join(lost, '.holdfast', 'ledger.sqlite'), 20_000);
  // What is large is only in the store.
  rmSync(join(lost, '.holdfast', 'blobs'), { recursive: true });
});

function copyOf(name: string): string {
  const workspace = join(root, name);
  cpSync(lost, workspace, { recursive: true, preserveTimestamps: true });
  return workspace;
}

async function askedIn(workspace: string): Promise<Question> {
  await using job = openRebuiltJob({ workspace, store, memory });
  const asked = await job.verify();
  assert.ok(asked.kind === 'question' && asked.question.kind === 'damaged', JSON.stringify(asked));
  return asked.question;
}

/** Undefined: it was killed. */
async function rebuild(
  workspace: string,
  question: Question,
  killing: Killing = {},
): Promise<RepairResult | undefined> {
  const order: RebuildOrder = { workspace, store, memory, question, ...killing };
  return await answerOf<RepairResult>(startChild({ script: CHILD, order, compiled: join(root, 'compiled') }));
}

async function mustBeRebuilt(workspace: string, result: RepairResult | undefined): Promise<void> {
  assert.ok(result?.kind === 'repaired', JSON.stringify(result));
  assert.deepEqual(dumpLedger(workspace, place)['record'], whole['record']);
  assert.deepEqual(dumpLedger(workspace, place)['manifest'], whole['manifest']);
  assert.deepEqual(
    decisionsOf(workspace, jobId).map(({ rebuilds, by }) => [rebuilds?.checkpoint, by]),
    [[place, 'ann']],
  );
  assert.equal(readdirSync(join(workspace, '.holdfast', 'lost')).length, 1);
  const memoryThen = { ...memory, known: result.at, term: 0 };
  await using job = openRebuiltJob({ workspace, store, memory: memoryThen });
  assert.equal((await job.verify()).kind, 'verified');
}

test('killed at every point of a rebuild in turn, the same decision completes it, once', async () => {
  const workspace = copyOf('every-point');
  const question = await askedIn(workspace);
  const killed = join(root, 'killed');
  let result;
  for (let processes = 1; result === undefined; processes++) {
    assert.ok(processes <= FAULT_POINTS.length, 'each process is killed at another point');
    result = await rebuild(workspace, question, { killOnceAt: 'every point', killed });
  }
  for (const point of ['link.before', 'link.after', 'rename.before', 'ledger-commit.after'])
    assert.ok(linesOf(killed).includes(point), `${point} is reached`);
  await mustBeRebuilt(workspace, result);
});

test('killed once at each hit of each point, a record is made anew, once', async () => {
  const hits = join(root, 'hits');
  const unharmed = copyOf('unharmed');
  await mustBeRebuilt(unharmed, await rebuild(unharmed, await askedIn(unharmed), { hits }));
  const counted = new Map<string, number>();
  const kills = linesOf(hits)
    .map((point) => {
      const hit = (counted.get(point) ?? 0) + 1;
      counted.set(point, hit);
      return { point, hit };
    })
    // Each fsync, of a file or a folder, stands between points of what it is for.
    .filter(({ point }) => !point.startsWith('fsync'));
  assert.ok(kills.length > 20, `${kills.length} hits`);
  const failures = await twoAtATime(kills, async (kill, index) => {
    const workspace = copyOf(`kill-${index}`);
    const question = await askedIn(workspace);
    const first = await rebuild(workspace, question, { kill, killed: join(root, `killed-${index}`) });
    await mustBeRebuilt(workspace, first ?? (await rebuild(workspace, question)));
    rmSync(workspace, { recursive: true, force: true });
  });
  assert.deepEqual(failures, []);
});

const { EIO, ENOSPC } = constants.errno;

for (const [call, errno, stride, least] of [
  ['fsync', EIO, 3, 5],
  ['write', ENOSPC, 7, 5],
  ['rename', EIO, 1, 2],
  ['link', ENOSPC, 1, 1],
  ['mkdir', ENOSPC, 1, 1],
] as const)
  test(`whichever ${call} fails, the decision is tried again and completes`, { skip: withoutCompiler }, async (t) => {
    const workspace = copyOf(`failing-${call}`);
    const question = await askedIn(workspace);
    cpSync(workspace, `${workspace}-saved`, { recursive: true });
    const fail = { call, errno, from: 1, stride };
    const order: RebuildOrder = { workspace, store, memory, question, fail };
    const env = { LD_PRELOAD: buildFailingIo(root) };
    const end = await answerOf<FailingRebuilds>(startChild({ script: CHILD, order, env }));
    assert.ok(end !== undefined, 'it was killed');
    assert.deepEqual(end.wrong, []);
    assert.ok(end.failed >= least, `${end.failed} were made to fail`);
    assert.ok(existsSync(join(workspace, '.holdfast', 'ledger.sqlite')));
    t.diagnostic(`${end.failed} failures`);
  });
