/** The real code beside the model (`test/model/`): they agree after every operation. Longer in `test/fault/model`. */
import fc from 'fast-check';
import { test } from 'node:test';
import { performBoth } from '../model/agreement.ts';
import { AnyOperation, walkBoth } from '../model/commands.ts';
import { FOUND } from '../model/found.ts';
import { operationsIn, type Bounds } from '../model/operations.ts';
import { RealJob } from '../model/real-job.ts';
import { sqliteRows } from '../model/real-rows.ts';
import { rulesWithout } from '../model/rules.ts';
import { firstState } from '../model/state.ts';

const RULES = rulesWithout();
const BOUNDS: Bounds = { crash: 2, edit: 2, reset: 1, lose: 1, wait: 1, swap: 0, abort: 1, decide: 2 };

for (const { what, operations } of FOUND) {
  test(`what walks of the model have found stays mended: ${what}`, async () => {
    const job = new RealJob(sqliteRows());
    try {
      let state = firstState();
      for (const operation of operations) {
        // With the rule a person may be asked before the last ones.
        if (!operationsIn(state, { ...BOUNDS, edit: 9 }).some(({ op }) => op === operation.op)) break;
        state = await performBoth(state, job, operation, RULES);
      }
    } finally {
      await job.close();
    }
  });
}

test('model and code agree after every operation: SQLite', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.commands([fc.nat().map((pick) => new AnyOperation(pick, BOUNDS))], { maxCommands: 40 }),
      (all) => walkBoth(all, () => new RealJob(sqliteRows())),
    ),
    { numRuns: 6 },
  );
});
