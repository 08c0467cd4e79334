/**
 * A power loss takes the commits after the last fsync. It is simulated: the ledger as of its last fsynced commit is put
 * back, the world stays. (SIGKILL can't show this: what a process has written outlives the process.)
 */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, test } from 'node:test';
import * as z from 'zod';
import { setFaultHook } from '../../src/store/fault-point.ts';
import {
  defineStep,
  implementStep,
  openTestJob,
  QuestionAsked,
  type TestJob,
  type TestJobMemory,
} from '../../src/testing.ts';
import { stepRecordsOf } from '../support/ledger.ts';
import { questionFrom } from '../support/questions.ts';
import { sqliteScript } from '../support/sqlite.ts';

const note = defineStep({ name: 'note', input: z.object({ id: z.int() }), output: z.object({ id: z.int() }) });
const batch = defineStep({ name: 'batch', input: z.object({ fails: z.boolean() }), output: z.array(z.int()) });
const LEDGER_FILES = ['ledger.sqlite', 'ledger.sqlite-wal'];

let runs: number;
let root: string;
let workspace: string;
let job: TestJob;

const noteCode = implementStep(note, async (ctx, { id }) => {
  runs += 1;
  await ctx.files.write(`note-${id}.txt`, `note ${id}\n`);
  await ctx.db('main').insert('note', { id, text: `note ${id}` });
  return { id };
});

let fails: boolean;

/** Two sub-steps, then a file of its own, unless it fails. */
const batchCode = implementStep(batch, async (ctx) => {
  const done: number[] = [];
  for (const id of [11, 12])
    done.push(
      await ctx.step(`note-${id}`, { id }, async (sub, given) => {
        runs += 1;
        await sub.files.write(`note-${given.id}.txt`, `note ${given.id}\n`);
        await sub.db('main').insert('note', { id: given.id, text: 'in a batch' });
        return given.id;
      }),
    );
  if (fails) throw new Error('cut off');
  await ctx.files.write('batch.txt', done.join());
  return done;
});

const open = (resume?: TestJobMemory): TestJob =>
  openTestJob({
    steps: [noteCode, batchCode] as never,
    databases: { main: 'sqlite:main.db' },
    workspace,
    ...(resume === undefined ? {} : { resume, workerId: 'after the power loss' }),
  });

beforeEach(() => {
  runs = 0;
  fails = false;
  root = mkdtempSync(join(tmpdir(), 'holdfast-power-'));
  workspace = join(root, 'workspace');
  mkdirSync(workspace);
  const database = new DatabaseSync(join(workspace, 'main.db'));
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)');
  database.close();
  job = open();
});

afterEach(async () => {
  setFaultHook(undefined);
  await job.close();
  rmSync(root, { recursive: true, force: true });
});

/** Runs a step and takes back what it committed to the ledger after its last fsynced commit. */
async function stepAndPowerLoss(id: number, remembers: 'the answer' | 'nothing of the answer'): Promise<void> {
  const before = { ...job.memory, steps: [...job.memory.steps] };
  await losingPower(() => job.step(note, { id }, { stepId: `note-${id}` }));
  assert.equal(stepRecordsOf(workspace, job.jobId, `note-${id}`).length, 0, 'the record is gone');
  job = open(remembers === 'the answer' ? job.memory : before);
}

async function losingPower(work: () => Promise<unknown>): Promise<void> {
  setFaultHook((point) => {
    if (point === 'applying.after')
      for (const file of LEDGER_FILES) copyFileSync(join(workspace, '.holdfast', file), join(root, file));
  });
  await work();
  setFaultHook(undefined);
  await job.close();
  rmSync(join(workspace, '.holdfast/ledger.sqlite-shm'), { force: true });
  for (const file of LEDGER_FILES) copyFileSync(join(root, file), join(workspace, '.holdfast', file));
}

function rows(): unknown[] {
  const database = new DatabaseSync(join(workspace, 'main.db'));
  try {
    return database
      .prepare('SELECT id FROM note ORDER BY id')
      .all()
      .map((row) => ({ ...row })['id']);
  } finally {
    database.close();
  }
}

test('a record that a power loss took and the Workflow has heard of is appended again word for word', async () => {
  await job.step(note, { id: 1 }, { stepId: 'note-1' });
  await stepAndPowerLoss(2, 'the answer');
  const { known } = job.memory;
  const verified = await job.verify();
  assert.equal(verified.kind, 'verified', JSON.stringify(verified));
  assert.deepEqual(verified.kind === 'verified' && verified.at, known);
  assert.deepEqual(await job.step(note, { id: 2 }, { stepId: 'note-2' }), { id: 2 });
  assert.deepEqual(await job.step(note, { id: 3 }, { stepId: 'note-3' }), { id: 3 });
  assert.equal(runs, 3);
  assert.deepEqual(rows(), [1, 2, 3]);
});

test('a record that a power loss took before anybody heard of it is made again, its effects are not', async () => {
  await job.step(note, { id: 1 }, { stepId: 'note-1' });
  await stepAndPowerLoss(2, 'nothing of the answer');
  assert.deepEqual(await job.step(note, { id: 2 }, { stepId: 'note-2' }), { id: 2 });
  assert.equal(runs, 2);
  assert.deepEqual(rows(), [1, 2]);
  assert.equal(stepRecordsOf(workspace, job.jobId, 'note-2').length, 1);
});

test('small contents survive with the intent that needs them', async () => {
  await stepAndPowerLoss(1, 'nothing of the answer');
  rmSync(join(workspace, 'note-1.txt'));
  assert.deepEqual(await job.step(note, { id: 1 }, { stepId: 'note-1' }), { id: 1 });
  assert.equal(runs, 1);
  assert.equal(readFileSync(join(workspace, 'note-1.txt'), 'utf8'), 'note 1\n');
});

test('a row changed after a COMMIT that the ledger did not hear of is asked about', async () => {
  await job.verify();
  setFaultHook((point) => {
    if (point === 'commit.database-after') throw new Error('the power is lost');
  });
  await assert.rejects(job.step(note, { id: 1 }, { stepId: 'note-1' }));
  setFaultHook(undefined);
  sqliteScript(join(workspace, 'main.db'), 'DELETE FROM note');
  await assert.rejects(job.step(note, { id: 1 }, { stepId: 'note-1' }), (error) => {
    assert.ok(error instanceof QuestionAsked, String(error));
    assert.deepEqual(
      error.question.findings.map(({ resource }) => resource),
      ['row:main/note/{"id":1}'],
    );
    return true;
  });
  assert.deepEqual(rows(), []);
  assert.equal(runs, 1);
});

const recordedInBatch = (): number[] =>
  ['batch:note-11', 'batch:note-12', 'batch'].map((stepId) => stepRecordsOf(workspace, job.jobId, stepId).length);

test('a sub-step that was answered before a power loss took its record is found done by the retry', async () => {
  fails = true;
  await losingPower(() => assert.rejects(job.step(batch, { fails }, { stepId: 'batch' })));
  assert.deepEqual(recordedInBatch(), [1, 0, 0], 'the last record is gone');
  fails = false;
  job = open(job.memory);
  assert.deepEqual(await job.step(batch, { fails: true }, { stepId: 'batch' }), [11, 12]);
  assert.equal(runs, 2);
  assert.deepEqual(rows(), [11, 12]);
  assert.deepEqual(recordedInBatch(), [1, 1, 1]);
});

test('what somebody changed beside a sub-step whose record a power loss took is asked about', async () => {
  fails = true;
  await losingPower(() => assert.rejects(job.step(batch, { fails }, { stepId: 'batch' })));
  fails = false;
  writeFileSync(join(workspace, 'note-12.txt'), 'by hand');
  job = open(job.memory);
  const question = await questionFrom(job.step(batch, { fails: true }, { stepId: 'batch' }));
  assert.equal(question.findings[0]!.resource, 'file:note-12.txt');
  assert.equal(readFileSync(join(workspace, 'note-12.txt'), 'utf8'), 'by hand');
});

test('the record of a step with sub-steps that the Workflow has heard of is appended again', async () => {
  await losingPower(() => job.step(batch, { fails: false }, { stepId: 'batch' }));
  assert.deepEqual(recordedInBatch(), [1, 1, 0]);
  job = open(job.memory);
  const { known } = job.memory;
  const verified = await job.verify();
  assert.deepEqual(verified.kind === 'verified' && verified.at, known);
  assert.deepEqual(await job.step(batch, { fails: false }, { stepId: 'batch' }), [11, 12]);
  assert.equal(runs, 2);
  assert.deepEqual(recordedInBatch(), [1, 1, 1]);
});

test('what an attempt had prepared goes with the next comparison, or the end, though nothing tells of it', async () => {
  await job.verify();
  for (const end of ['comparison', 'end'] as const) {
    const id = end === 'end' ? 2 : 1;
    for (const file of LEDGER_FILES) copyFileSync(join(workspace, '.holdfast', file), join(root, file));
    let left: readonly string[] = [];
    setFaultHook((point) => {
      // As they are on the disk when the host loses its power.
      if (point !== 'prepare.files-written') return;
      left = readdirSync(workspace).filter((name) => name.endsWith('.tmp'));
      for (const name of left) copyFileSync(join(workspace, name), join(root, name));
      throw new Error('the power is lost');
    });
    await assert.rejects(job.step(note, { id }, { stepId: `note-${id}` }));
    setFaultHook(undefined);
    const { memory } = job;
    await job.close();
    assert.equal(left.length, 1);
    assert.deepEqual(leftovers(), [], 'an attempt that fails leaves nothing');
    for (const name of left) copyFileSync(join(root, name), join(workspace, name));
    rmSync(join(workspace, '.holdfast/ledger.sqlite-shm'), { force: true });
    for (const file of LEDGER_FILES) copyFileSync(join(root, file), join(workspace, '.holdfast', file));
    sqliteScript(join(workspace, '.holdfast/ledger.sqlite'), "UPDATE job SET fresh_boot_id = 'before the power loss'");
    // Others' files, and a workspace in the workspace.
    mkdirSync(join(workspace, 'inner/.holdfast'), { recursive: true });
    const kept = ['.holdfast-notes.tmp', `inner/${left[0]!}`];
    for (const name of kept) writeFileSync(join(workspace, name), 'not ours');
    job = open(memory);
    if (end === 'comparison') assert.equal((await job.verify()).kind, 'verified');
    else await job.release('aborted');
    assert.deepEqual(leftovers(), ['.holdfast-notes.tmp']);
    for (const name of kept) assert.equal(readFileSync(join(workspace, name), 'utf8'), 'not ours');
    rmSync(join(workspace, '.holdfast-notes.tmp'));
  }
});

function leftovers(): readonly string[] {
  return readdirSync(workspace).filter((name) => name.endsWith('.tmp'));
}
