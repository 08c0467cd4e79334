/** By what a decision that is sent again is known. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { updateIdOf } from '../../src/client/send-decision.ts';
import { MAX_REFUSALS } from '../../src/model/job/status.ts';

const digest = 'a'.repeat(64);
const decision = { digest, answer: 'accept', by: 'ada', reason: 'seen' } as const;
const refusal = { by: 'ada', problems: ['not now'], question: digest };

test('a decision has one id, another decision another, and one that was refused a new one', () => {
  const id = updateIdOf(decision, []);
  assert.equal(updateIdOf({ ...decision }, []), id);
  assert.equal(updateIdOf(decision, [{ ...refusal, question: 'b'.repeat(64) }]), id);
  assert.notEqual(updateIdOf({ ...decision, reason: 'seen twice' }, []), id);
  const again = updateIdOf(decision, [refusal]);
  assert.notEqual(again, id);
  assert.notEqual(updateIdOf(decision, [refusal, refusal]), again);
});

test('where older refusals are forgotten a decision has a new id each time', () => {
  const full = Array.from({ length: MAX_REFUSALS }, () => refusal);
  assert.notEqual(updateIdOf(decision, full), updateIdOf(decision, full));
});
