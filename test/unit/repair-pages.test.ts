/** What a decision makes run again is told a page at a time, and all of it is learned. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RepairRequest, RepairResult } from '../../src/model/job/repair.ts';
import { MAX_RERUNS_IN_RESULT, repairPage, wholeRepair } from '../../src/model/job/repair-pages.ts';
import { GENESIS } from '../../src/model/record/chain.ts';

const REQUEST = { jobId: 'j', workspace: 'w', decision: { digest: GENESIS, by: 'p', reason: 'r' } } as RepairRequest;

function repairOf(count: number): Extract<RepairResult, { kind: 'repaired' }> {
  const reruns = Array.from({ length: count }, (_, n) => ({ stepId: `s${n}`, generation: 1 }));
  return {
    kind: 'repaired',
    question: GENESIS,
    term: 1,
    at: { seq: 1, head: GENESIS },
    answers: [],
    reruns,
    notes: [],
  };
}

test('however many steps run again, each answer holds a bounded number and all are learned', async () => {
  for (const count of [0, 1, MAX_RERUNS_IN_RESULT, MAX_RERUNS_IN_RESULT + 1, 5 * MAX_RERUNS_IN_RESULT + 7]) {
    const whole = repairOf(count);
    let answers = 0;
    const learned = await wholeRepair(REQUEST, (request) => {
      const page = repairPage(whole, request.rerunsFrom);
      assert.ok(page.kind === 'repaired' && page.reruns.length <= MAX_RERUNS_IN_RESULT);
      answers += 1;
      return Promise.resolve(page);
    });
    assert.deepEqual(learned, whole);
    assert.equal(answers, Math.max(1, Math.ceil(count / MAX_RERUNS_IN_RESULT)));
  }
});

test('a Workflow that does not ask for more is told all at once', () => {
  const whole = repairOf(3 * MAX_RERUNS_IN_RESULT);
  assert.deepEqual(repairPage(whole, undefined), whole);
});
