/** The real code beside the model (`test/model/`), in long walks, on SQLite and PostgreSQL. */
import fc from 'fast-check';
import { test } from 'node:test';
import { AnyOperation, walkBoth, walkFound } from '../model/commands.ts';
import { FOUND } from '../model/found.ts';
import type { Bounds } from '../model/operations.ts';
import { RealJob } from '../model/real-job.ts';
import { postgresRows, sqliteRows } from '../model/real-rows.ts';
import { testPostgres } from '../support/postgres.ts';
import { theSeed } from './support/seed.ts';

const postgres = await testPostgres();
const seed = theSeed();
const BOUNDS: Bounds = { crash: 3, edit: 3, reset: 2, lose: 2, wait: 2, swap: 0, abort: 1, decide: 3 };
const ROWS = {
  SQLite: { walks: 40, rows: sqliteRows },
  PostgreSQL: {
    walks: 12,
    rows: async () => await postgresRows([await postgres.database(), await postgres.database()]),
  },
};

for (const [dialect, { walks, rows }] of Object.entries(ROWS)) {
  test(`model and code agree after every operation: ${dialect} (HOLDFAST_SEED=${seed})`, async () => {
    const operation = fc.nat().map((pick) => new AnyOperation(pick, BOUNDS));
    const commands = fc.commands([operation], { maxCommands: 80, size: 'max' });
    await fc.assert(
      fc.asyncProperty(commands, (all) => walkBoth(all, async () => new RealJob(await rows()))),
      { numRuns: walks, seed },
    );
  });
}

for (const { what, operations } of FOUND)
  test(`what walks have found stays mended on PostgreSQL: ${what}`, async () => {
    await walkFound(operations, new RealJob(await ROWS.PostgreSQL.rows()));
  });
