/** Two attempts at each step of the model's job at once, in every order of their moments that a scheduler comes to. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'node:test';
import { RealJob } from '../model/real-job.ts';
import { sqliteRows } from '../model/real-rows.ts';
import { chainOf, readLedger } from '../support/ledger.ts';

/** Points at which an attempt can be made to wait. */
const TURNS: readonly string[] = [
  'user-code.before',
  'once.before',
  'once.after',
  'user-code.after',
  'prepare.database-begun',
  'prepare.database-ready',
  'commit.database-before',
  'commit.database-after',
  'commit.effect-marked',
];

test('two attempts at once, in whatever order: each effect once, the job ends as with one', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const job = new RealJob(sqliteRows());
      const turn = (point: string): void | Promise<void> =>
        TURNS.includes(point) ? scheduler.schedule(Promise.resolve(), point) : undefined;
      try {
        for (const step of ['a', 'b']) {
          const both = Promise.all([job.untilDone(turn), job.untilDone(turn)]);
          const results = (await scheduler.waitFor(both)).flat();
          assert.ok(results.includes('done'), `step ${step}: ${results.join(', ')}`);
          assert.ok(!results.includes('question'), `step ${step}: ${results.join(', ')}`);
        }
        const { g, ...world } = await job.world();
        assert.deepEqual(world, { f: 'a0', x: 's0', y: 'b0' });
        const records = chainOf(`${job.workspace}/job`, job.jobId).filter((one) => one.kind === 'step');
        assert.deepEqual(
          records.map(({ stepId }) => stepId),
          ['a', 'b:s', 'b'],
        );
        // An attempt that was overtaken may have drawn a value; what was recorded is what counts.
        const { token } = records[2]!;
        const drawn = readLedger(`${job.workspace}/job`, (ledger) => ledger.once.all(token)).map(({ value }) => value);
        assert.deepEqual([...new Set(drawn)], [/^b0\(a0,(\d+)\)$/.exec(g)?.[1]]);
      } finally {
        await job.close();
      }
    }),
    { numRuns: 30 },
  );
});
