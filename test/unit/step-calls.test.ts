/** Results of earlier Runs, in a Workflow of one's own and in a plan: what they answer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../../src/model/digest.ts';
import { requestsToHave } from '../../src/model/job/recall.ts';
import type { PlanStepRequest } from '../../src/model/plan/run/plan-job.ts';
import { GENESIS } from '../../src/model/record/chain.ts';
import { LeftOutResults } from '../../src/workflows/job/left-out.ts';
import { stepCall, StepCalls } from '../../src/workflows/job/step-calls.ts';
import { Knowledge } from '../../src/workflows/state/knowledge.ts';

const INPUT = { path: 'a' };

function callsWithRecalled(generation = 0): { readonly calls: StepCalls; readonly knowledge: Knowledge } {
  const knowledge = new Knowledge({ seq: 5, head: GENESIS }, {});
  const base = { base: { seq: 5, head: GENESIS }, generations: {}, leftOut: 1, leftOutFrom: 1 };
  const calls = new StepCalls({ knowledge } as never, base);
  calls.addRecalled({
    stepId: 's',
    generation,
    args: digestOf({ input: INPUT, step: 'measure' }),
    output: 7,
    seq: 2,
  });
  return { calls, knowledge };
}

test('a recalled result answers what its step was given, and nothing else', () => {
  const { calls } = callsWithRecalled();
  assert.deepEqual(calls.resultOf('s', stepCall('measure', INPUT))?.output, 7);
  assert.equal(calls.resultOf('s', stepCall('measure', { path: 'b' })), undefined);
  assert.equal(calls.resultOf('s', stepCall('other', INPUT)), undefined);
  assert.equal(calls.resultOf('s', undefined)?.output, 7, 'where the input may differ');
});

test('a recalled result that a decision has made void answers nothing', () => {
  const { calls, knowledge } = callsWithRecalled();
  knowledge.setGeneration('s', 1);
  assert.equal(calls.resultOf('s', stepCall('measure', INPUT)), undefined);
});

test('a recalled result is left out again by the next Run, which reads it from the record, too', () => {
  const { calls } = callsWithRecalled();
  assert.deepEqual(calls.carried(1_000_000), { results: {}, leftOut: 1, leftOutFrom: 1 });
});

const PLAN_RESULT = { stepId: 'each#1', generation: 0, args: digestOf({ input: INPUT, step: 'measure' }), seq: 2 };
const PLAN_REQUEST: PlanStepRequest = {
  id: 'each#1',
  use: 'measure',
  input: INPUT,
  uses: [],
  writes: [],
  isParallel: false,
  onFailure: 'ask',
};

function leftOutOfPlan(leftOut: readonly string[]): {
  readonly results: LeftOutResults;
  readonly knowledge: Knowledge;
} {
  const knowledge = new Knowledge({ seq: 5, head: GENESIS }, {});
  const results = new LeftOutResults({ knowledge } as never, { schemaVersion: 1, done: [], leftOut });
  results.add({ ...PLAN_RESULT, output: 7 });
  return { results, knowledge };
}

test('what a Run of a plan is not given of a list is each of its items; nothing else waits for the record', () => {
  const { results } = leftOutOfPlan(['each#', 'last']);
  assert.deepEqual(
    ['each#0', 'each#1', 'last', 'each', 'other', 'other#1'].map((id) => results.has(id)),
    [true, true, true, false, false, false],
  );
});

test('a recalled result of a plan answers what its step was given, once, and nothing that is void', () => {
  assert.equal(leftOutOfPlan(['each#']).results.take({ ...PLAN_REQUEST, input: { path: 'b' } }), undefined);
  assert.equal(leftOutOfPlan(['each#']).results.take({ ...PLAN_REQUEST, use: 'other' }), undefined);
  const { results } = leftOutOfPlan(['each#']);
  assert.equal(results.take(PLAN_REQUEST)?.output, 7);
  assert.equal(results.take(PLAN_REQUEST), undefined, 'whoever requests it again has a reason to');
  const rewound = leftOutOfPlan(['each#']);
  rewound.knowledge.setGeneration('each#1', 1);
  assert.equal(rewound.results.take(PLAN_REQUEST), undefined);
});

test('what results cost that are not carried: a request a page, and beyond the pages one each', () => {
  assert.equal(requestsToHave([]), 0);
  assert.equal(requestsToHave(Array<number>(3_000).fill(10)), 1);
  assert.equal(requestsToHave(Array<number>(8).fill(240_000)), 2);
  assert.equal(requestsToHave(Array<number>(100).fill(240_000)), 8 + 100 - 32);
});
