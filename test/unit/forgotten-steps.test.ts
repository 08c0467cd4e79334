/** Which records a reset Workflow has forgotten, as it tells what it holds: as ranges, or as earlier versions did. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeqRanges } from '../../src/model/job/seq-ranges.ts';
import { GENESIS } from '../../src/model/record/chain.ts';
import { ForgottenSteps, type KnownSteps } from '../../src/protocol/verify/forgotten-steps.ts';
import { Knowledge } from '../../src/workflows/state/knowledge.ts';

const BASE = { seq: 3, head: GENESIS };
const SEQS = Array.from({ length: 60 }, (_, n) => n + 1);

function forgotten(request: KnownSteps): number[] {
  const reading = new ForgottenSteps(request, 'this Run');
  for (const seq of SEQS) reading.read({ kind: 'step', seq, stepId: `s${seq}`, runId: 'another Run' } as never);
  return reading.records().map(({ seq }) => seq);
}

test('what is forgotten is the same whether the Workflow tells ranges or each step', () => {
  const held = SEQS.filter((seq) => seq % 5 !== 0 && seq % 7 !== 2);
  const expected = SEQS.filter((seq) => seq > BASE.seq && !held.includes(seq));
  assert.deepEqual(forgotten({ base: BASE, holds: SeqRanges.of(held).list }), expected);
  assert.deepEqual(forgotten({ base: BASE, steps: held.map((seq) => [`s${seq}`, 0, seq]) }), expected);
  assert.deepEqual(forgotten({ base: BASE }), SEQS.slice(BASE.seq));
});

test('a decision that took a step back is known to whom it was told, not to whoever knows of a later place', () => {
  const record = (runId: string) => ({ kind: 'step', seq: 5, stepId: 's5', runId }) as never;
  const decision = { kind: 'decision', seq: 7, runId: 'another Run', adopts: [], reruns: [{ stepId: 's5' }] } as never;
  const takenBack = (request: KnownSteps, decided = decision): number => {
    const reading = new ForgottenSteps(request, 'this Run');
    for (const one of [record('another Run'), decided]) reading.read(one);
    assert.equal(reading.hasForgottenReruns, reading.takenBack.length > 0);
    return reading.takenBack.length;
  };
  const later = { seq: 9, head: GENESIS };
  assert.equal(takenBack({ base: BASE, known: later, holds: [[5, 5]] }), 1);
  assert.equal(takenBack({ base: BASE, known: later, holds: SeqRanges.of([5, 7]).list }), 0);
  assert.equal(takenBack({ base: later, known: later }), 0);
  const knowledge = new Knowledge(BASE, {});
  knowledge.noteDone('s5', { at: { seq: 5, head: GENESIS }, generation: 0 });
  knowledge.advance(later);
  assert.equal(takenBack({ base: BASE, known: later, holds: knowledge.holds }), 1);
  knowledge.noteDecision(7);
  assert.equal(takenBack({ base: BASE, known: later, holds: knowledge.holds }), 0);
});

test('what a Workflow tells of five thousand steps in a row is no more than of ten', () => {
  const knowledge = new Knowledge(BASE, {});
  for (let seq = 4; seq < 5_000; seq++)
    knowledge.noteDone(`a step with a long name ${seq}`, { at: { seq, head: GENESIS }, generation: 0 });
  assert.deepEqual(knowledge.holds, [[4, 4_999]]);
  assert.ok(knowledge.isFinished('a step with a long name 4') && !knowledge.isFinished('another'));
});
