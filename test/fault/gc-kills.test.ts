/** Cleaning up is killed by SIGKILL at every point: the record is there, or its archive is, whole. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { verifyArchive } from '../../src/protocol/retention/archive-file.ts';
import type { GcReport } from '../../src/protocol/retention/gc.ts';
import { loadJob } from '../../src/protocol/checkpoint/load-job.ts';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { verifyStore } from '../../src/store/sealed/verify.ts';
import { answerOf, startChild } from '../support/child-process.ts';
import { endedJob } from '../support/ended-job.ts';
import type { GcOrder } from '../support/gc-child.ts';
import { linesOf, type Killing } from '../support/killing.ts';
import { readLedger } from '../support/ledger.ts';
import { twoAtATime } from '../support/undo-kills.ts';

const CHILD = new URL('../support/gc-child.ts', import.meta.url).pathname;
const root = mkdtempSync(join(tmpdir(), 'holdfast-gc-kills-'));
after(() => rmSync(root, { recursive: true, force: true }));
const done = join(root, 'done');
const nowMs = Date.now() + 31 * 24 * 60 * 60 * 1_000;
const retention = { days: 30, archive: 'archives' };
const checkpoint = { store: '${{ env.CHECKPOINTS }}', keep: 3 };
let jobId: string;

before(async () => {
  const env = { CHECKPOINTS: join(done, 'checkpoints') };
  jobId = await endedJob({ root: done, name: 'report', steps: 8, retention, checkpoint, env });
});

function copyOf(name: string): string {
  const folder = join(root, name);
  cpSync(done, folder, { recursive: true, preserveTimestamps: true });
  return folder;
}

/** Undefined: it was killed. */
async function gc(folder: string, killing: Killing = {}): Promise<GcReport | undefined> {
  const order: GcOrder = { root: folder, nowMs, env: { CHECKPOINTS: join(folder, 'checkpoints') }, ...killing };
  return await answerOf<GcReport>(startChild({ script: CHILD, order, compiled: join(root, 'compiled') }));
}

/** After a kill: nothing is lost. */
async function mustBeThere(folder: string): Promise<void> {
  const archives = join(folder, 'archives');
  const named = existsSync(archives) ? readdirSync(archives).filter((name) => name.endsWith('.tar')) : [];
  for (const name of named) assert.equal((await verifyArchive(join(archives, name))).jobId, jobId);
  const isRecorded = readLedger(join(folder, 'report'), (ledger) => ledger.job(jobId)?.state) === 'released';
  assert.ok(isRecorded || named.length === 1, 'the record is there, or its archive');
  const store = openStore(join(folder, 'checkpoints'));
  const last = (await store.generations(jobId)).slice(-3);
  assert.equal(last.length, 3);
  for (const seq of last) await loadJob(store, jobId, seq);
  await store.close();
}

async function mustBeClean(folder: string): Promise<void> {
  await mustBeThere(folder);
  assert.deepEqual(
    readLedger(join(folder, 'report'), (ledger) => ledger.jobIds()),
    [],
  );
  assert.deepEqual(readdirSync(join(folder, 'archives')).length, 1, 'nothing half written is left');
  const store = openStore(join(folder, 'checkpoints'));
  assert.deepEqual((await verifyStore(store)).problems, []);
  await store.close();
}

test('killed once at each hit of each point, gc loses nothing, and goes on', async () => {
  const hits = join(root, 'hits');
  const unharmed = copyOf('unharmed');
  assert.deepEqual((await gc(unharmed, { hits }))?.problems, []);
  await mustBeClean(unharmed);
  const counted = new Map<string, number>();
  const all = linesOf(hits).map((point) => {
    const hit = (counted.get(point) ?? 0) + 1;
    counted.set(point, hit);
    return { point, hit };
  });
  const reached = new Set(all.map(({ point }) => point));
  for (const point of [
    'link.before',
    'link.after',
    'fsync.after',
    'ledger-commit.before',
    'ledger-commit.after',
    'unlink.after',
  ])
    assert.ok(reached.has(point as never), `${point} is reached`);
  const failures = await twoAtATime(all, async (kill, index) => {
    const folder = copyOf(`kill-${index}`);
    const first = await gc(folder, { kill, killed: join(root, `killed-${index}`) });
    await mustBeThere(folder);
    if (first === undefined) await gc(folder);
    await mustBeClean(folder);
    rmSync(folder, { recursive: true, force: true });
  });
  assert.deepEqual(failures, []);
});
