/**
 * A plan with rounds, a step that is skipped and one that resumes by itself: killed by SIGKILL at one hit of each fault
 * point, then at the first hit of every point in turn. Seed as in kill-matrix.test.ts.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { answerOf, startChild } from '../support/child-process.ts';
import { linesOf, type Killing } from '../support/killing.ts';
import { carryOut } from '../support/rounds-child.ts';
import type { SubStepEnd } from '../support/sub-step-child.ts';
import { comparable, lookAt, SubStepKills, type SubStepRun } from '../support/sub-step-kills.ts';
import { chooseKills } from './support/chosen-kills.ts';
import { theSeed } from './support/seed.ts';

const CHILD = new URL('../support/rounds-child.ts', import.meta.url).pathname;
const MAX_PROCESSES = 150;
const seed = theSeed();
const places = new SubStepKills();
after(() => places[Symbol.dispose]());

/** Until a process ends by itself. Who is not to be killed is this one. */
async function untilItEnds(name: string, killing: Killing): Promise<SubStepRun> {
  const order = places.place(name, killing);
  for (let processes = 1; processes <= MAX_PROCESSES; processes++) {
    const mayBeKilled = killing.killOnceAt !== undefined || (killing.kill && linesOf(order.killed!).length === 0);
    const end =
      mayBeKilled === true
        ? await answerOf<SubStepEnd>(startChild({ script: CHILD, role: 'rounds', order }))
        : await carryOut(order);
    if (end !== undefined) return await lookAt(order, end);
  }
  throw new Error(`it did not end within ${MAX_PROCESSES} processes`);
}

test(`killed at any point, each round takes effect once (HOLDFAST_SEED=${seed})`, async (t) => {
  const reference = await untilItEnds('reference', { hits: 'counted' });
  assert.deepEqual(reference.effects, [1, 1, 1]);
  assert.deepEqual(reference.recorded, ['table', 'turn#1', 'turn#2', 'turn#3', 'never', 'flaky', 'last']);
  assert.deepEqual(reference.end, {
    output: [
      {
        table: {},
        turn: { text: 'round 3', score: 9 },
        never: null,
        flaky: {},
        last: (reference.end as { output: { last: unknown }[] }).output[0]!.last,
      },
      { scores: [3, 6, 9] },
      ['never'],
    ],
  });
  const chosen = chooseKills(reference.hits, seed, 1);
  const failures: string[] = [];
  for (const kill of chosen) {
    const name = `hit ${kill.hit} of ${kill.point}`;
    try {
      const run = await untilItEnds(name, { kill });
      assert.deepEqual(run.killed, [kill.point], 'it was killed there');
      assert.deepEqual(comparable(run), comparable(reference));
    } catch (error) {
      failures.push(`${name}: ${(error as Error).message}`);
    }
  }
  t.diagnostic(`${chosen.length} kills`);
  assert.deepEqual(failures, []);
});

test('killed at every point in turn, each round takes effect once', async (t) => {
  const reference = await untilItEnds('reference of all', {});
  const often = await untilItEnds('killed', { killOnceAt: 'every point' });
  t.diagnostic(`${often.killed.length} kills`);
  assert.deepEqual(comparable(often), comparable(reference));
});
