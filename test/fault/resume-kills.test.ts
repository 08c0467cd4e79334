/**
 * A worker is killed by SIGKILL while it makes a workspace's record of a checkpoint: its successor goes on, and the
 * record, the files and the store are as after one that was never killed.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { loadJob } from '../../src/protocol/checkpoint/load-job.ts';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { answerOf, startChild } from '../support/child-process.ts';
import { linesOf, type Kill, type Killing } from '../support/killing.ts';
import { chainOf, readLedger } from '../support/ledger.ts';
import type { ResumingEnd, ResumingOrder } from '../support/resuming-child.ts';
import { CONTENT } from '../support/sealing-child.ts';
import { twoAtATime } from '../support/undo-kills.ts';

const SEALS = new URL('../support/sealing-child.ts', import.meta.url).pathname;
const RESUMES = new URL('../support/resuming-child.ts', import.meta.url).pathname;
/** What a kill may fall between; each fsync stands between two of them. */
const DURABLE = /^(link\.before|(rename|link|unlink|mkdir|ledger-commit|fsync-folder)\.after)$/;
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-resume-kills-')));
const stored = join(root, 'store');
const name = 'job';
let jobId: string;
before(async () => {
  mkdirSync(join(root, 'first'));
  const order = { workspace: join(root, 'first'), name, store: stored };
  const end = await answerOf<{ jobId: string }>(startChild({ script: SEALS, order, compiled: join(root, 'compiled') }));
  ({ jobId } = end!);
});
after(() => rmSync(root, { recursive: true, force: true }));

interface Place {
  readonly workspace: string;
  readonly store: string;
}

/** A store of its own. */
function place(index: number | string, at: number | undefined): Place {
  const own = { workspace: `again-${index}-${at}`, store: join(root, `store-${index}-${at}`) };
  cpSync(stored, own.store, { recursive: true });
  return own;
}

/** Undefined: it was killed. */
async function run(own: Place, at: number | undefined, killing: Killing = {}): Promise<ResumingEnd | undefined> {
  const order: ResumingOrder = { root, name, ...own, ...(at !== undefined && { at }), ...killing };
  return await answerOf(startChild({ script: RESUMES, order, compiled: join(root, 'compiled') }));
}

async function mustBeResumed(own: Place, at: number | undefined, end: ResumingEnd | undefined): Promise<void> {
  assert.equal(end?.kind, 'verified', JSON.stringify(end));
  const store = openStore(own.store);
  const there = await store.generations(jobId);
  assert.deepEqual(there, at === undefined ? [2, 4, 6] : [2, 4], 'later ones are moved aside, each once');
  const from = there.at(-1)!;
  const { chain } = await loadJob(store, jobId, from);
  await store.close();
  const workspace = join(root, own.workspace);
  const records = chainOf(workspace, jobId);
  assert.deepEqual(
    records.slice(0, from),
    chain.map(({ record }) => record),
  );
  const rest = records.slice(from).map((record) => (record.kind === 'decision' ? record.resumesFrom : record.kind));
  assert.deepEqual(rest, [from]);
  for (const [index, id] of ['one', 'two', 'three'].entries()) {
    const path = join(workspace, `${id}.txt`);
    if (index < from / 2 - 1) assert.equal(readFileSync(path, 'utf8'), `${id}.txt ${CONTENT}`);
    else assert.equal(existsSync(path), false, path);
  }
  assert.deepEqual(
    readdirSync(workspace).filter((file) => !/^(\.holdfast|one\.txt|two\.txt)$/.test(file)),
    [],
  );
  assert.equal(
    readLedger(workspace, (ledger) => ledger.meta.find(`resuming:${jobId}`)),
    undefined,
  );
}

async function killedEverywhere(at: number | undefined): Promise<number> {
  const hits = join(root, `hits-${at}`);
  const whole = place('whole', at);
  await mustBeResumed(whole, at, await run(whole, at, { hits }));
  const counted = new Map<string, number>();
  const kills: Kill[] = linesOf(hits)
    .map((point) => {
      const hit = (counted.get(point) ?? 0) + 1;
      counted.set(point, hit);
      return { point, hit };
    })
    .filter(({ point }) => DURABLE.test(point));
  const failures = await twoAtATime(kills, async (kill, index) => {
    const own = place(index, at);
    const first = await run(own, at, { kill, killed: join(root, `killed-${index}-${at}`) });
    assert.equal(first, undefined, 'it was not killed');
    await mustBeResumed(own, at, await run(own, at));
    rmSync(join(root, own.workspace), { recursive: true, force: true });
    rmSync(own.store, { recursive: true, force: true });
  });
  assert.deepEqual(failures, []);
  return kills.length;
}

test('killed at each durable moment of making a record of the newest checkpoint, it is made, once', async (t) => {
  const kills = await killedEverywhere(undefined);
  assert.ok(kills > 20, `${kills} kills`);
  t.diagnostic(`${kills} kills`);
});

test('killed at each durable moment of going on from an earlier one, later ones are moved aside once', async (t) => {
  const kills = await killedEverywhere(4);
  assert.ok(kills > 20, `${kills} kills`);
  t.diagnostic(`${kills} kills`);
});
