/**
 * Two kills in one run: a process is killed at any hit of any point, and its successor again, while it compares, rolls
 * forward, repairs or goes on. Pairs are drawn; `HOLDFAST_SEED` gives the same ones again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Kill } from '../support/killing.ts';
import { testPostgres } from '../support/postgres.ts';
import { comparable, runUntilItEnds } from './support/kill-run.ts';
import { seededRandom, theSeed } from './support/seed.ts';

const PAIRS = 12;
/** Of the second kill, half: what only a successor does, or does first. */
const MENDING = [
  'verify.compared',
  'verify.mark-before',
  'verify.mark-after',
  'term.fence-raised',
  'worker.registered',
];

const postgres = await testPostgres();
const seed = theSeed();

for (const dialect of ['SQLite', 'PostgreSQL'] as const)
  test(`${dialect}: killed twice in one run, a job ends as one that was not (HOLDFAST_SEED=${seed})`, async (t) => {
    const databaseUrl = async (): Promise<string | undefined> =>
      dialect === 'SQLite' ? undefined : await postgres.database();
    const reference = await runUntilItEnds({ hits: true }, await databaseUrl());
    const points = [...reference.hits];
    const random = seededRandom(seed);
    const draw = (): Kill => {
      const [point, count] = points[Math.floor(random() * points.length)]!;
      return { point, hit: 1 + Math.floor(random() * count) };
    };
    const mending = (): Kill => ({ point: MENDING[Math.floor(random() * MENDING.length)]!, hit: 1 });
    let twice = 0;
    for (let pair = 0; pair < PAIRS; pair++) {
      // A successor has less left to do, so that a late hit may never come.
      const second = pair % 2 === 0 ? mending() : { ...draw(), hit: 1 };
      const kills = [draw(), second];
      const run = await runUntilItEnds({ kills }, await databaseUrl());
      const which = kills.map(({ point, hit }) => `${point}:${hit}`).join(', then ');
      assert.equal(run.killed[0], kills[0]!.point, which);
      assert.deepEqual(comparable(run), comparable(reference), which);
      if (run.killed.length === 2) twice += 1;
    }
    t.diagnostic(`${twice} of ${PAIRS} were killed twice`);
    assert.ok(twice > PAIRS / 2, 'most of them are killed twice');
  });
