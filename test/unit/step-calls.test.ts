/** Results of earlier Runs in a Workflow of one's own: what they answer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../../src/model/digest.ts';
import { GENESIS } from '../../src/model/record/chain.ts';
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
  assert.deepEqual(calls.carried(), { results: {}, leftOut: 1, leftOutFrom: 1 });
});
