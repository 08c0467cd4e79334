/**
 * A step with sub-steps of all kinds, killed by SIGKILL at hits of each fault point, on SQLite and PostgreSQL: once;
 * twice, the second time while its successor mends; while its sub-steps run again by a decision; while they are undone;
 * and at the first hit of every point in turn. Seed and choice of kills as in kill-matrix.test.ts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Kill } from '../support/killing.ts';
import { testPostgres } from '../support/postgres.ts';
import type { SubStepWay } from '../support/sub-step-child.ts';
import { comparable, SubStepKills, type SubStepRun } from '../support/sub-step-kills.ts';
import { chooseKills } from './support/chosen-kills.ts';
import { seededRandom, theSeed } from './support/seed.ts';

const postgres = await testPostgres();
const seed = theSeed();
const HITS_A_POINT = { run: 2, rerun: 1, undo: 1 };
const PAIRS = 24;
/** What a successor does before it goes on. */
const RESUMING = ['worker.registered', 'verify.compared', 'term.fence-raised', 'term.raised', 'verify.mark-before'];

for (const dialect of ['SQLite', 'PostgreSQL'] as const) {
  const urlOf = async (): Promise<string | undefined> => (dialect === 'SQLite' ? undefined : await postgres.database());

  /** Each list of kills: the first process at the first of them, its successor at the second. Two lists at a time. */
  const killedEnd = async (
    way: SubStepWay,
    choose: (reference: SubStepRun) => readonly (readonly Kill[])[],
  ): Promise<number> => {
    using kills = new SubStepKills();
    const reference = await kills.untilItEnds('reference', { way, hits: 'counted' }, await urlOf());
    const wanted = comparable(reference);
    const tries = choose(reference);
    const failures: string[] = [];
    let next = 0;
    const tryOne = async (): Promise<void> => {
      for (let chosen = tries[next++]; chosen !== undefined; chosen = tries[next++]) {
        const name = chosen.map(({ point, hit }) => `hit ${hit} of ${point}`).join(', then ');
        try {
          const run = await kills.untilItEnds(`${next} ${name}`, { kills: chosen, way }, await urlOf());
          assert.equal(run.killed[0], chosen[0]!.point, 'it was killed there');
          assert.deepEqual(comparable(run), wanted);
        } catch (error) {
          failures.push(`${name}: ${(error as Error).message}`);
        }
      }
    };
    await Promise.all([tryOne(), tryOne()]);
    assert.deepEqual(failures, []);
    return tries.length;
  };

  for (const [when, way] of [
    ['at any point', 'run'],
    ['while a decision has them run again', 'rerun'],
    ['while they are undone', 'undo'],
  ] as const)
    test(`${dialect}: killed ${when}, sub-steps end as those that were not (HOLDFAST_SEED=${seed})`, async (t) => {
      const once = ({ hits }: SubStepRun): Kill[][] => chooseKills(hits, seed, HITS_A_POINT[way]).map((kill) => [kill]);
      t.diagnostic(`${await killedEnd(way, once)} kills`);
    });

  test(`${dialect}: killed again while they are mended, sub-steps end as those that were not`, async (t) => {
    t.diagnostic(`HOLDFAST_SEED=${seed}`);
    const random = seededRandom(seed);
    const pairs = ({ hits }: SubStepRun): Kill[][] => {
      const first = [...hits];
      const second = [...first, ...RESUMING.map((point) => [point, 1] as const)];
      return Array.from({ length: PAIRS }, () =>
        [first, second].map((points, place) => {
          const [point, count] = points[Math.floor(random() * points.length)]!;
          // A successor has less left to do.
          return { point, hit: 1 + Math.floor(random() * (place === 0 ? count : Math.min(count, 2))) };
        }),
      );
    };
    t.diagnostic(`${await killedEnd('run', pairs)} pairs of kills`);
  });

  test(`${dialect}: killed at every point in turn, sub-steps end as those that were not`, async () => {
    using kills = new SubStepKills();
    const reference = await kills.untilItEnds('reference', {}, await urlOf());
    const often = await kills.untilItEnds('at every point', { killOnceAt: 'every point' }, await urlOf());
    assert.deepEqual(comparable(often), comparable(reference), `killed at ${often.killed.join(', ')}`);
  });
}
