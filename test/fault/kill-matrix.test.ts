/**
 * A process is killed by SIGKILL at one hit of one fault point, its successor drives the job on: for each point, on
 * SQLite and PostgreSQL, the job ends by itself as one that was not killed.
 *
 * Of points that are hit often, some hits are taken: the first, the last and seeded ones between.
 * `HOLDFAST_SEED` gives the same ones again; `HOLDFAST_KILLS=all` takes every hit (an hour); a list like
 * `HOLDFAST_KILLS=repair.item-after:3,fsync.before:12` takes these alone.
 */
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { FAULT_POINTS } from '../../src/store/fault-point.ts';
import { testPostgres } from '../support/postgres.ts';
import { chooseKills, listedKills } from './support/chosen-kills.ts';
import { comparable, runUntilItEnds } from './support/kill-run.ts';
import { theSeed } from './support/seed.ts';

const postgres = await testPostgres();
const seed = theSeed();

for (const dialect of ['SQLite', 'PostgreSQL'] as const) {
  test(`${dialect}: killed at any point, a job ends as one that was not killed (HOLDFAST_SEED=${seed})`, async (t) => {
    const databaseUrl = async (): Promise<string | undefined> =>
      dialect === 'SQLite' ? undefined : await postgres.database();
    const reference = await runUntilItEnds({ hits: true }, await databaseUrl());
    const wanted = comparable(reference);
    const kills = chooseKills(reference.hits, seed);
    const reached = new Set(kills.map(({ point }) => point));
    // A worker is registered anew only after one was lost.
    if (listedKills().length === 0)
      assert.deepEqual(
        // Activities are around the protocol: kill-server.test.ts.
        FAULT_POINTS.filter((point) => !reached.has(point) && !point.startsWith('activity.')),
        ['worker.registered'],
      );
    const failures: string[] = [];
    let next = 0;
    const runOne = async (): Promise<void> => {
      for (let kill = kills[next++]; kill !== undefined; kill = kills[next++]) {
        const { point, hit } = kill;
        try {
          const run = await runUntilItEnds({ kill: { point, hit } }, await databaseUrl());
          assert.deepEqual(run.killed, [point], 'it was killed there');
          assert.deepEqual(comparable(run), wanted);
          for (const calls of Object.values(run.onceCalls))
            assert.ok(calls <= 2, 'a value was computed more often than there were processes');
        } catch (error) {
          failures.push(`hit ${hit} of ${point}: ${(error as Error).message}`);
        }
      }
    };
    await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, runOne));
    t.diagnostic(`${kills.length} kills at ${reached.size} points`);
    assert.deepEqual(failures, []);
  });
}
