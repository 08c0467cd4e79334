/**
 * A step with sub-steps of all kinds, killed by SIGKILL at one hit of one fault point, on SQLite and PostgreSQL; then
 * at the first hit of every point in turn. Seed and choice of kills as in kill-matrix.test.ts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testPostgres } from '../support/postgres.ts';
import { comparable, SubStepKills } from '../support/sub-step-kills.ts';
import { chooseKills } from './support/chosen-kills.ts';
import { theSeed } from './support/seed.ts';

const postgres = await testPostgres();
const seed = theSeed();

for (const dialect of ['SQLite', 'PostgreSQL'] as const)
  test(`${dialect}: killed at any point, sub-steps end as those that were not (HOLDFAST_SEED=${seed})`, async (t) => {
    using kills = new SubStepKills();
    const urlOf = async (): Promise<string | undefined> =>
      dialect === 'SQLite' ? undefined : await postgres.database();
    const reference = await kills.untilItEnds('reference', {}, await urlOf());
    const wanted = comparable(reference);
    const chosen = chooseKills(reference.hits, seed);
    const failures: string[] = [];
    let next = 0;
    const runOne = async (): Promise<void> => {
      for (let kill = chosen[next++]; kill !== undefined; kill = chosen[next++]) {
        const name = `hit ${kill.hit} of ${kill.point}`;
        try {
          const run = await kills.untilItEnds(name, { kill }, await urlOf());
          assert.deepEqual(run.killed, [kill.point], 'it was killed there');
          assert.deepEqual(comparable(run), wanted);
        } catch (error) {
          failures.push(`${name}: ${(error as Error).message}`);
        }
      }
    };
    await Promise.all([runOne(), runOne()]);
    t.diagnostic(`${chosen.length} kills`);
    assert.deepEqual(failures, []);
    const often = await kills.untilItEnds('at every point', { killOnceAt: 'every point' }, await urlOf());
    assert.deepEqual(comparable(often), wanted, `killed at ${often.killed.join(', ')}`);
  });
