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
import { comparable, runUntilItEnds, type KillRun } from './support/kill-run.ts';
import { seededRandom, theSeed } from './support/seed.ts';

const HITS_A_POINT = 3;
const postgres = await testPostgres();
const seed = theSeed();

for (const dialect of ['SQLite', 'PostgreSQL'] as const) {
  test(`${dialect}: killed at any point, a job ends as one that was not killed (HOLDFAST_SEED=${seed})`, async (t) => {
    const databaseUrl = async (): Promise<string | undefined> =>
      dialect === 'SQLite' ? undefined : await postgres.database();
    const reference = await runUntilItEnds({ hits: true }, await databaseUrl());
    const wanted = comparable(reference);
    const kills = choose(reference, seed);
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

interface Kill {
  readonly point: string;
  readonly hit: number;
}

function listedKills(): Kill[] {
  return [...(process.env['HOLDFAST_KILLS'] ?? '').matchAll(/([a-z.-]+):(\d+)/g)].map((match) => ({
    point: match[1]!,
    hit: Number(match[2]),
  }));
}

function choose(reference: KillRun, from: number): Kill[] {
  const listed = listedKills();
  if (listed.length > 0) return listed;
  const random = seededRandom(from);
  return [...reference.hits].flatMap(([point, count]) => {
    const hits = new Set(
      process.env['HOLDFAST_KILLS'] === 'all' ? Array.from({ length: count }, (_, index) => index + 1) : [1, count],
    );
    while (hits.size < Math.min(count, HITS_A_POINT)) hits.add(1 + Math.floor(random() * count));
    return [...hits].map((hit) => ({ point, hit }));
  });
}
