/** Cleaning up is killed by SIGKILL at every point: the record is there, or its archive is, whole. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import type { GcReport } from '../../src/protocol/retention/gc.ts';
import { answerOf, startChild } from '../support/child-process.ts';
import type { GcOrder } from '../support/gc-child.ts';
import { copyOfWorld, endedWorld, LATER_MS, mustBeClean, mustBeThere, type GcWorld } from '../support/gc-world.ts';
import { linesOf, type Killing } from '../support/killing.ts';
import { testPostgres } from '../support/postgres.ts';
import { twoAtATime } from '../support/undo-kills.ts';

const CHILD = new URL('../support/gc-child.ts', import.meta.url).pathname;
const postgres = await testPostgres();
const root = mkdtempSync(join(tmpdir(), 'holdfast-gc-kills-'));
after(() => rmSync(root, { recursive: true, force: true }));
const nowMs = Date.now() + LATER_MS;

/** Undefined: it was killed. */
async function gc({ folder, checkpoints }: GcWorld, killing: Killing = {}): Promise<GcReport | undefined> {
  const order: GcOrder = { root: folder, nowMs, env: { CHECKPOINTS: checkpoints }, ...killing };
  return await answerOf<GcReport>(startChild({ script: CHILD, order, compiled: join(root, 'compiled') }));
}

/** @param copy of the folder, and of the database where there is one */
async function killEverywhere(
  done: GcWorld,
  copy: (name: string) => Promise<GcWorld>,
  isKilled: (point: string) => boolean,
): Promise<readonly string[]> {
  const hits = join(root, `hits-${basename(done.folder)}`);
  const unharmed = await copy('unharmed');
  assert.deepEqual((await gc(unharmed, { hits }))?.problems, []);
  await mustBeClean(unharmed);
  const counted = new Map<string, number>();
  const all = linesOf(hits)
    .map((point) => {
      const hit = (counted.get(point) ?? 0) + 1;
      counted.set(point, hit);
      return { point, hit };
    })
    .filter(({ point }) => isKilled(point));
  const failures = await twoAtATime(all, async (kill, index) => {
    const world = await copy(`kill-${index}`);
    const first = await gc(world, { kill, killed: join(root, `${basename(world.folder)}-killed`) });
    await mustBeThere(world);
    if (first === undefined) await gc(world);
    await mustBeClean(world);
    rmSync(world.folder, { recursive: true, force: true });
  });
  assert.deepEqual(failures, []);
  return all.map(({ point }) => point);
}

test('killed once at each hit of each point, gc loses nothing, and goes on', async (t) => {
  const done = await endedWorld(join(root, 'done'));
  const copy = (name: string): Promise<GcWorld> => Promise.resolve(copyOfWorld(done, join(root, name)));
  const points = await killEverywhere(done, copy, () => true);
  t.diagnostic(`${points.length} kills`);
  const reached = new Set(points);
  for (const point of [
    'link.before',
    'link.after',
    'fsync.after',
    'ledger-commit.before',
    'ledger-commit.after',
    'rename.after',
    'unlink.after',
  ])
    assert.ok(reached.has(point), `${point} is reached`);
});

test('killed at each commit of PostgreSQL’s, and at those of the record, gc loses nothing, and goes on', async (t) => {
  const done = await endedWorld(join(root, 'postgres'), await postgres.database());
  const copy = async (name: string): Promise<GcWorld> =>
    copyOfWorld(done, join(root, `postgres-${name}`), await postgres.database(done.checkpoints));
  const points = await killEverywhere(done, copy, (point) => /^(database|ledger)-commit\./.test(point));
  t.diagnostic(`${points.length} kills`);
  const commits = points.filter((point) => point === 'database-commit.before').length;
  assert.ok(commits >= 9, `${commits} commits: 8 checkpoints and a content`);
});
