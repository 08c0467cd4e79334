/**
 * A worker is killed by SIGKILL while its job seals checkpoints: its successor goes on, each step is done once, and
 * what the store has is the job's own record, whole.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadJob } from '../../src/protocol/checkpoint/load-job.ts';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { verifyStore } from '../../src/store/sealed/verify.ts';
import { answerOf, startChild } from '../support/child-process.ts';
import { linesOf, type Kill } from '../support/killing.ts';
import { chainOf } from '../support/ledger.ts';
import { testPostgres } from '../support/postgres.ts';
import { CONTENT, STEPS, type SealingOrder } from '../support/sealing-child.ts';
import { twoAtATime } from '../support/undo-kills.ts';

const CHILD = new URL('../support/sealing-child.ts', import.meta.url).pathname;
const postgres = await testPostgres();
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-sealing-')));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

type Place = Pick<SealingOrder, 'workspace' | 'name' | 'store'>;

function place(store: (name: string) => string): Place {
  const name = `job-${count++}`;
  const workspace = join(root, name);
  mkdirSync(workspace);
  return { workspace, name, store: store(name) };
}

/** Undefined: it was killed. */
async function run(order: SealingOrder): Promise<{ readonly jobId: string } | undefined> {
  return await answerOf(startChild({ script: CHILD, order, compiled: join(root, 'compiled') }));
}

async function mustBeWhole({ workspace, store: location }: Place, jobId: string): Promise<void> {
  const records = chainOf(workspace, jobId);
  const done = records.flatMap((record) => (record.kind === 'step' ? [record.stepId] : []));
  assert.deepEqual(done, STEPS, 'each step once');
  for (const id of STEPS) assert.equal(readFileSync(join(workspace, `${id}.txt`), 'utf8'), `${id}.txt ${CONTENT}`);
  const store = openStore(location);
  try {
    const there = await store.generations(jobId);
    const noted = records.filter(({ kind }) => kind === 'checkpoint').map(({ seq }) => seq);
    assert.deepEqual(there, noted);
    for (const seq of there) {
      const { chain } = await loadJob(store, jobId, seq);
      assert.deepEqual(
        chain.map(({ record }) => record),
        records.slice(0, seq),
      );
    }
    if (!location.startsWith('postgres')) assert.deepEqual((await verifyStore(store)).problems, []);
  } finally {
    await store.close();
  }
}

async function killedEverywhere(store: (name: string) => string, points: (point: string) => boolean): Promise<number> {
  const hits = join(root, `hits-${count++}`);
  const whole = place(store);
  const undisturbed = await run({ ...whole, hits });
  await mustBeWhole(whole, undisturbed!.jobId);
  const counted = new Map<string, number>();
  const kills: Kill[] = linesOf(hits)
    .map((point) => {
      const hit = (counted.get(point) ?? 0) + 1;
      counted.set(point, hit);
      return { point, hit };
    })
    .filter(({ point }) => points(point));
  let killed = 0;
  const failures = await twoAtATime(kills, async (kill, index) => {
    const own = place(store);
    const order = { ...own, kill, killed: join(root, `killed-${own.name}-${index}`) };
    const first = await run(order);
    if (first === undefined) killed += 1;
    const { jobId } = first ?? (await run(order))!;
    await mustBeWhole(own, jobId);
    rmSync(own.workspace, { recursive: true, force: true });
  });
  assert.deepEqual(failures, []);
  // Folders that another step has made are not made again: the last hits of some points may not be reached.
  assert.ok(killed >= kills.length * 0.8, `${killed} of ${kills.length} were killed`);
  return killed;
}

/** What a kill may fall between; each fsync stands between two of them. */
const DURABLE = /^(link\.before|(rename|link|unlink|mkdir|ledger-commit|fsync-folder)\.after)$/;

test('killed at each durable moment of sealing to a folder, the job goes on, its record in the store', async (t) => {
  const kills = await killedEverywhere(
    (name) => join(root, `${name}-store`),
    (point) => DURABLE.test(point),
  );
  assert.ok(kills > 40, `${kills} kills`);
  t.diagnostic(`${kills} kills`);
});

test('killed at each commit of sealing to PostgreSQL, the job goes on, its record in the store', async (t) => {
  const url = await postgres.database();
  // A schema each: it is made by the first checkpoint. A checkpoint is a statement of its own between two commits.
  const kills = await killedEverywhere(
    (name) => `${url}?schema=s_${name.replace('-', '_')}`,
    (point) => /^(database-commit\.(before|after)|ledger-commit\.after)$/.test(point),
  );
  assert.ok(kills >= 6, `${kills} kills`);
  t.diagnostic(`${kills} kills`);
});
