/** Walks of the model (`test/model/`) beside the real code in processes that are killed by SIGKILL where it crashes. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'node:test';
import { AnyOperation, walkBoth } from '../model/commands.ts';
import { KilledJob } from '../model/killed-job.ts';
import type { Bounds } from '../model/operations.ts';
import { postgresRows, sqliteRows } from '../model/real-rows.ts';
import { testPostgres } from '../support/postgres.ts';
import { theSeed } from './support/seed.ts';

const postgres = await testPostgres();
const seed = theSeed();
/** A kill costs the start of a process. */
const BOUNDS: Bounds = { crash: 4, edit: 2, reset: 1, lose: 1, wait: 1, swap: 0, abort: 1, decide: 2 };
const ROWS = {
  SQLite: { walks: 10, rows: sqliteRows },
  PostgreSQL: {
    walks: 4,
    rows: async () => await postgresRows([await postgres.database(), await postgres.database()]),
  },
};

for (const [dialect, { walks, rows }] of Object.entries(ROWS)) {
  test(`model and killed code agree after every operation: ${dialect} (HOLDFAST_SEED=${seed})`, async (t) => {
    const kills: string[] = [];
    const operation = fc.nat().map((pick) => new AnyOperation(pick, BOUNDS));
    const commands = fc.commands([operation], { maxCommands: 60, size: 'max' });
    await fc.assert(
      fc.asyncProperty(commands, (all) =>
        walkBoth(all, async () => new KilledJob(await rows(), (moment) => void kills.push(moment))),
      ),
      // A shorter walk is for test/fault/model-beside to find: here it would take minutes.
      { numRuns: walks, seed, endOnFailure: true },
    );
    t.diagnostic(`${kills.length} kills: ${[...new Set(kills)].toSorted().join(', ')}`);
    assert.ok(kills.length >= walks, 'processes are killed');
  });
}
