/**
 * The model of the protocol (`test/model/`), explored within bounds: every guarantee holds in every state. Deeper in
 * `test/fault/model.test.ts`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explore, walk } from '../model/explore.ts';
import { FOUND } from '../model/found.ts';
import { NOTHING, type Bounds } from '../model/operations.ts';
import { perform } from '../model/perform.ts';
import { rulesWithout } from '../model/rules.ts';
import { Violation } from '../model/running.ts';
import { firstState, type Outside } from '../model/state.ts';
import { theSeed, seededRandom } from '../fault/support/seed.ts';

const RULES = rulesWithout();
const WALKS = 40;
const LENGTH = 60;

/** What may come from outside, and how often; each explored to its end. */
const SMALL: readonly Partial<Bounds>[] = [
  { crash: 2 },
  { edit: 1 },
  { reset: 1, crash: 1 },
  { lose: 1, wait: 1 },
  { abort: 1, crash: 1 },
  { swap: 1, crash: 1 },
  { edit: 1, decide: 1 },
];

for (const bounds of SMALL) {
  test(`every guarantee holds in every state with at most ${told(bounds)}`, (t) => {
    const explored = explore(RULES, { ...NOTHING, ...bounds });
    assert.equal(explored.counterexample?.words, undefined);
    assert.equal(explored.isWhole, true);
    t.diagnostic(`${explored.states} states, ${explored.steps} steps, ${explored.depth} deep`);
  });
}

test('every guarantee holds along random walks with everything from outside (HOLDFAST_SEED)', (t) => {
  const seed = theSeed();
  const bounds = { crash: 3, edit: 3, reset: 2, lose: 2, wait: 2, swap: 0, abort: 1, decide: 3 };
  let operations = 0;
  for (let nth = 0; nth < WALKS; nth++) {
    const walked = walk(RULES, bounds, { random: seededRandom(seed + nth), length: LENGTH });
    operations += walked.operations.length;
    assert.equal(walked.counterexample?.words, undefined, `HOLDFAST_SEED=${seed + nth}`);
  }
  t.diagnostic(`${operations} operations in ${WALKS} walks from HOLDFAST_SEED=${seed}`);
});

for (const { what, rule, operations } of FOUND) {
  if (rule === undefined) continue;
  test(`without its rule the model finds it: ${what}`, () => {
    const rules = rulesWithout(rule);
    let state = firstState();
    for (const operation of operations.slice(0, -1)) state = perform(state, operation, rules).state;
    assert.throws(() => perform(state, operations.at(-1)!, rules), Violation);
  });
}

function told(bounds: Partial<Bounds>): string {
  return (Object.keys(bounds) as Outside[]).map((what) => `${bounds[what]} ${what}`).join(', ');
}
