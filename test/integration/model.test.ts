/** The real code beside the model (`test/model/`): they agree after every operation. Longer in `test/fault/model`. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'node:test';
import { AnyOperation, walkBoth, walkFound } from '../model/commands.ts';
import { FOUND } from '../model/found.ts';
import type { Bounds } from '../model/operations.ts';
import { RealJob } from '../model/real-job.ts';
import { rowsAt, sqliteRows } from '../model/real-rows.ts';

const BOUNDS: Bounds = { crash: 2, edit: 2, reset: 1, lose: 1, wait: 1, swap: 0, abort: 1, decide: 2 };

for (const { what, operations } of FOUND)
  test(`what walks of the model have found stays mended: ${what}`, async () => {
    await walkFound(operations, new RealJob(sqliteRows()));
  });

test('what one worker has committed and another has taken back is not taken for lost when the job ends', async () => {
  const rows = sqliteRows();
  const worker = new RealJob(rows);
  const { memory } = worker;
  const die = (): never => assert.fail('nothing crashes');
  const other = new RealJob(await rowsAt(rows.urls), { memory, die });
  try {
    const { operations } = FOUND.find(({ what }) => what.includes('not taken for lost'))!;
    for (const operation of operations) {
      const result = await (operation.op === 'decide' ? other : worker).perform(operation);
      if (operation.op === 'release') assert.equal(result, 'released');
    }
  } finally {
    await other.close();
    await worker.close();
  }
});

test('model and code agree after every operation: SQLite', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.commands([fc.nat().map((pick) => new AnyOperation(pick, BOUNDS))], { maxCommands: 40 }),
      (all) => walkBoth(all, () => new RealJob(sqliteRows())),
    ),
    { numRuns: 6 },
  );
});
