/**
 * The model of the protocol (`test/model/`) in its long form: larger bounds, longer walks, and each rule taken out. A
 * small form is in `npm test`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { explore, walk } from '../model/explore.ts';
import { NOTHING, type Bounds } from '../model/operations.ts';
import { RULE_NAMES, rulesWithout, type Rule } from '../model/rules.ts';
import type { Outside } from '../model/state.ts';
import { seededRandom, theSeed } from './support/seed.ts';

const seed = theSeed();
const RULES = rulesWithout();
const EVERYTHING: Bounds = { crash: 3, edit: 3, reset: 2, lose: 2, wait: 2, swap: 1, abort: 1, decide: 3 };
const WALKS = 1_500;
/** Of a state space that is not seen to its end. */
const MAX_STATES = 60_000;

/** Explored to their end, unless more than `MAX_STATES` can be reached. */
const LARGE: readonly Partial<Bounds>[] = [
  { crash: 1, edit: 1 },
  { edit: 1, reset: 1 },
  { edit: 1, lose: 1 },
  { edit: 1, abort: 1 },
  { reset: 1, crash: 1, lose: 1 },
  { swap: 1, crash: 1, reset: 1 },
  { crash: 2, reset: 1, abort: 1 },
  { edit: 2, decide: 1 },
  { edit: 1, crash: 1, abort: 1 },
  { edit: 1, crash: 1, reset: 1 },
];

for (const bounds of LARGE) {
  test(`every guarantee holds in every state with at most ${told(bounds)}`, async (t) => {
    await toldSoFar();
    const explored = explore(RULES, { ...NOTHING, ...bounds }, { states: MAX_STATES });
    assert.equal(explored.counterexample?.words, undefined);
    const how = explored.isWhole ? 'all' : `as far as ${explored.depth} operations`;
    t.diagnostic(`${explored.states} states, ${explored.steps} steps, ${how}`);
  });
}

test(`every guarantee holds along random walks with everything from outside (HOLDFAST_SEED=${seed})`, async (t) => {
  await toldSoFar();
  let operations = 0;
  for (let nth = 0; nth < WALKS; nth++) {
    const walked = walk(RULES, EVERYTHING, { random: seededRandom(seed + nth), length: 100 });
    operations += walked.operations.length;
    assert.equal(walked.counterexample?.words, undefined, `HOLDFAST_SEED=${seed + nth}`);
  }
  t.diagnostic(`${operations} operations in ${WALKS} walks`);
});

/** With what from outside the counterexample is found; one crash, edit, reset … each where a rule is not named. */
const NEEDS: Readonly<Partial<Record<Rule, Partial<Bounds>>>> = {
  claimNonce: { edit: 1, lose: 1 },
  leftOpen: { lose: 1 },
  firstOfRun: { reset: 1 },
  tooLong: { wait: 1 },
  knownHead: { swap: 1 },
  aheadAsked: { crash: 1, reset: 1 },
  takenBackAsked: { edit: 1, reset: 1 },
  heardAsCarriedOut: { edit: 1, reset: 1, decide: 1 },
  abandonedFinished: { crash: 1, reset: 1 },
  marks: { crash: 1, edit: 1 },
  afterCommitLooked: { crash: 1, edit: 1 },
  traces: { lose: 1 },
  overwriteCommitted: { crash: 1, edit: 1 },
  fence: { reset: 1, lose: 1 },
  fencesFirst: { crash: 1, reset: 1 },
  onlyAsShown: { edit: 2 },
  decisionOnce: { edit: 1, decide: 1 },
  repairSealed: { crash: 1, edit: 1 },
  repairToken: { crash: 1, edit: 2 },
  undoAsShown: { edit: 1, reset: 1 },
  foundIsNewest: { edit: 1, reset: 1 },
  putBackTold: { edit: 1, reset: 1 },
  newestFirst: { abort: 1 },
  undoStops: { lose: 1, abort: 1 },
  staysAsSaid: { edit: 1, crash: 1, reset: 1 },
  undoneWhichever: { edit: 1, reset: 1, abort: 1 },
};
const FIRST: readonly Partial<Bounds>[] = [{ crash: 1 }, { edit: 1 }];

for (const rule of RULE_NAMES) {
  test(`a rule that is taken out gives a counterexample: ${rule}`, async (t) => {
    await toldSoFar();
    const needs = NEEDS[rule];
    for (const bounds of needs === undefined ? FIRST : [needs]) {
      const { counterexample, states } = explore(rulesWithout(rule), { ...NOTHING, ...bounds }, { states: MAX_STATES });
      if (counterexample === undefined) continue;
      t.diagnostic(`${states} states\n${counterexample.words}`);
      return;
    }
    assert.fail(`nothing comes of going without ${rule}: it is not needed, or the model is too small to need it`);
  });
}

/** Nothing else gives the process a turn to write what it has to tell. */
async function toldSoFar(): Promise<void> {
  await setImmediate();
}

function told(bounds: Partial<Bounds>): string {
  return (Object.keys(bounds) as Outside[]).map((what) => `${bounds[what]} ${what}`).join(', ');
}
