/** Checkpoints become records of the chain: each once, whole, and behind the one that it went on from. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noteOf, type CheckpointNote } from '../../src/model/checkpoint/note.ts';
import { stateAfter } from '../../src/model/checkpoint/state-at.ts';
import { recordCheckpoints } from '../../src/protocol/commit/record-checkpoints.ts';
import { JOB, testLedger } from '../support/test-ledger.ts';

const fixture = testLedger();

const first = noteOf({
  parent: null,
  source: 'input',
  step: -1,
  tasks: [],
  next: ['a'],
  begins: { total: { reducer: 'sum' }, seen: { reducer: 'append' } },
  writes: [],
});
const second = loop(first, 0, 2);
const third = loop(second, 1, 3);

function loop(parent: CheckpointNote, step: number, value: number): CheckpointNote {
  const writes = ['total', 'seen'].map((channel) => ({
    node: `s${step}`,
    channel,
    reducer: channel === 'total' ? 'sum' : 'append',
    value,
  }));
  return noteOf({ parent: parent.digest, source: 'loop', step, tasks: [], next: [], writes });
}

function record(...notes: readonly CheckpointNote[]): readonly number[] {
  return fixture.ledger.transaction(() => recordCheckpoints(fixture.ledger, { jobId: JOB, runId: 'run' }, notes));
}

test('a checkpoint that is sent again is recorded once, also by another Run, and has the number that it had', () => {
  assert.deepEqual(record(first, second), [1, 2]);
  assert.deepEqual(record(second, third), [2, 3]);
  assert.deepEqual(record(first), [1]);
  const all = fixture.ledger.checkpoints(JOB, 10);
  assert.deepEqual(
    all.map(({ seq, parent }) => [seq, parent]),
    [
      [1, null],
      [2, 1],
      [3, 2],
    ],
  );
  assert.deepEqual(stateAfter(all.slice(0, 2)), { total: 2, seen: [2] });
  assert.deepEqual(stateAfter(all), { total: 5, seen: [2, 3] });
});

test('a checkpoint that is not whole, or follows one that nobody has, is refused, and nothing is recorded', () => {
  assert.throws(() => record({ ...first, next: ['b'] }), /can't be recorded: its digest is that of something else\./);
  assert.throws(() => record(first, third), /can't be recorded: the record has none [0-9a-f]{12} before it\./);
  assert.deepEqual(fixture.ledger.checkpoints(JOB, 10), []);
});

test('two that went on from one are both kept, each with the state that it led to', () => {
  const other = loop(first, 0, 40);
  record(first, second, other);
  const [begin, , branch] = fixture.ledger.checkpoints(JOB, 10);
  assert.equal(branch!.parent, begin!.seq);
});
