/**
 * What a Run of a job hands to the next Run, and what it shows of its steps: both are bounded, and cost no more at the
 * end than at the beginning.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { statusMarkdown } from '../../src/model/job/status-text.ts';
import { StepBoard } from '../../src/workflows/state/step-board.ts';
import { StepResults, type StepResult } from '../../src/workflows/state/step-results.ts';

const NEVER_RERUN = (): number => 0;

test('property: a Workflow that starts anew when it is worth it comes to its end, and what it carries fits', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 10 }),
      (sizes, longAfter) => {
        const MAX_BYTES = 400;
        let carried: Readonly<Record<string, StepResult>> = {};
        let leftOut = 0;
        let asked = 0;
        for (let run = 0; ; run++) {
          assert.ok(run < sizes.length + 2, 'each Run gets further than the one before');
          const results = new StepResults(MAX_BYTES, carried, leftOut);
          let inThisRun = 0;
          const restarts = sizes.some((size, index) => {
            if (results.get(`s${index}`) !== undefined) return false;
            results.add(`s${index}`, { generation: 0, output: 'ä'.repeat(size) }, index + 1);
            asked += 1;
            inThisRun += 1;
            return inThisRun >= longAfter && results.isWorthCarrying(false);
          });
          if (!restarts) break;
          carried = JSON.parse(JSON.stringify(results.carried(NEVER_RERUN))) as Record<string, StepResult>;
          leftOut = results.omitted;
          assert.ok(
            Object.entries(carried).reduce(
              (sum, [id, result]) => sum + Buffer.byteLength(JSON.stringify(result)) + id.length,
              0,
            ) <= MAX_BYTES,
          );
        }
        assert.ok(
          asked <= 2 * sizes.length + longAfter,
          `${asked} requests for ${sizes.length} steps: what is asked again is less than what was newly done`,
        );
      },
    ),
  );
});

test('property: where what is left out is recalled, each Run begins in time, and nothing is asked again', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 200 }),
      fc.integer({ min: 10, max: 20 }),
      (sizes, longAfter) => {
        const done: StepResult[] = [];
        let carried: Readonly<Record<string, StepResult>> = {};
        let leftOut = 0;
        let from = 0;
        for (let run = 0; done.length < sizes.length; run++) {
          assert.ok(run <= sizes.length / longAfter, 'each Run does as much as the first');
          const results = new StepResults(400, carried, leftOut);
          for (const [index, result] of done.entries())
            if (index >= from && results.get(`s${index}`) === undefined)
              results.addRecalled(`s${index}`, result, index + 1);
          for (const [index, result] of done.entries()) assert.deepEqual(results.get(`s${index}`), result);
          for (
            let inThisRun = 0;
            done.length < sizes.length && !(inThisRun >= longAfter && results.isWorthCarrying(true));
            inThisRun++
          ) {
            const result = { generation: 0, output: 'x'.repeat(sizes[done.length]!) };
            results.add(`s${done.length}`, result, done.length + 1);
            done.push(result);
          }
          carried = results.carried(NEVER_RERUN);
          leftOut = results.omitted;
          from = results.omittedFrom;
        }
      },
    ),
  );
});

test('a result that a decision has made void is not carried', () => {
  const results = new StepResults(1_000, { a: { generation: 0, output: 1 } }, 0);
  results.add('b', { generation: 1, output: 2 }, 1);
  assert.deepEqual(
    results.carried((stepId) => (stepId === 'a' ? 1 : 0)),
    { b: { generation: 1, output: 2 } },
  );
});

test('a board of 20,000 steps shows the latest, the unfinished and the total; a late change costs no more', () => {
  const board = new StepBoard();
  const chunkMs: number[] = [];
  let startedMs = performance.now();
  for (let index = 0; index < 20_000; index++) {
    board.set(`s${index}`, { step: 'work', state: 'running' });
    if (index !== 7) board.set(`s${index}`, { state: 'done', effects: '1 file' });
    statusMarkdown({
      name: 'n',
      workflowId: 'w',
      workspace: 'ws',
      state: 'running',
      steps: [...board.latest(50)],
      counts: board.counts,
      questions: [],
      refusals: [],
    });
    if ((index + 1) % 2_000 === 0) {
      chunkMs.push(performance.now() - startedMs);
      startedMs = performance.now();
    }
  }
  assert.deepEqual(board.counts, { begun: 20_000, done: 19_999 });
  assert.deepEqual(
    board.latest(3).map(({ id, state }) => `${id} ${state}`),
    ['s7 running', 's19997 done', 's19998 done', 's19999 done'],
  );
  assert.equal(board.steps.length, 20_000);
  // Built from the whole board each time, the last thousands would cost a hundred times the first.
  assert.ok(chunkMs.at(-1)! < 10 * Math.max(20, chunkMs[1]!), chunkMs.map(Math.round).join(' '));
  const carried = board.carried(1_000);
  assert.ok(JSON.stringify(carried).length < 1_500);
  assert.deepEqual(carried.at(-1), ['s19999', 'work', 0, '1 file']);
});
