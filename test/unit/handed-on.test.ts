/** All that a Run hands to the next fits into one payload, whatever it is made of; what gives way is known as such. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { jsonBytes, type Json } from '../../src/model/canonical-json.ts';
import { MAX_GENERATIONS_BYTES } from '../../src/model/job/told-generations.ts';
import { boundedProgress } from '../../src/model/plan/run/bounded-outputs.ts';
import { GENESIS } from '../../src/model/record/chain.ts';
import { MAX_CARRIED_BYTES, MAX_CARRIED_STEPS_BYTES, type Carried } from '../../src/workflows/job/continue-as-new.ts';
import { handedOn, MAX_HANDED_ON_BYTES } from '../../src/workflows/job/handed-on.ts';
import { StepCalls } from '../../src/workflows/job/step-calls.ts';
import { Knowledge } from '../../src/workflows/state/knowledge.ts';
import { StepBoard } from '../../src/workflows/state/step-board.ts';

const BASE = { seq: 0, head: GENESIS };
/** What the server refuses. */
const REFUSED_BYTES = 2 * 1_048_576;

const nameOf = (index: number): string => `a step with quite a long name ${index}`;

interface Sizes {
  readonly steps: number;
  readonly outputBytes: number;
  readonly rerun: number;
  readonly noteBytes: number;
  readonly argsBytes: number;
}

/** A Workflow of one's own that has done so much, as `core.ts` hands it on. */
function longJob({ steps, outputBytes, rerun, noteBytes }: Sizes) {
  const knowledge = new Knowledge(BASE, {});
  const calls = new StepCalls({ knowledge } as never, undefined);
  const board = new StepBoard();
  const output = 'x'.repeat(outputBytes);
  for (let index = 0; index < steps; index++) {
    const stepId = nameOf(index);
    const generation = index < rerun ? 1 : 0;
    if (generation > 0) knowledge.setGeneration(stepId, generation);
    const at = { seq: index + 1, head: GENESIS };
    calls.add(stepId, { generation, output, at } as never, undefined);
    board.set(stepId, { step: 'work', state: 'done', effects: '1 file' });
  }
  const note = { writes: 'w'.repeat(noteBytes) };
  const carriedWith = (resultBytes: number): Carried => ({
    base: BASE,
    generations: knowledge.carriedGenerations,
    steps: board.carried(MAX_CARRIED_STEPS_BYTES),
    checkpoints: { last: GENESIS, step: 1, pending: [note as never] },
    ...calls.carried(resultBytes),
  });
  return { carriedWith, knowledge };
}

function bytesOf(value: unknown): number {
  return jsonBytes(value as Json);
}

test('property: all of it fits, and each result is handed on or known to be left out', () => {
  const sizes = fc.record({
    steps: fc.integer({ min: 0, max: 3_000 }),
    outputBytes: fc.integer({ min: 0, max: 1_000 }),
    rerun: fc.integer({ min: 0, max: 3_000 }),
    noteBytes: fc.integer({ min: 0, max: 1_048_576 }),
    argsBytes: fc.integer({ min: 0, max: 600_000 }),
  });
  fc.assert(
    fc.property(sizes, (one) => {
      const args = ['a'.repeat(one.argsBytes)];
      const { carriedWith } = longJob(one);
      const { carried, isBeside } = handedOn(carriedWith, args);
      const sizeBytes = bytesOf(carried) + (isBeside ? bytesOf(args) : 0);
      assert.ok(sizeBytes <= MAX_HANDED_ON_BYTES, `${sizeBytes} bytes`);
      const results = Object.keys(carried.results ?? {});
      assert.equal(results.length + carried.leftOut!, one.steps);
      for (let index = 0; index < one.steps; index++)
        if (!Object.hasOwn(carried.results!, nameOf(index))) assert.ok(carried.leftOutFrom! <= index);
    }),
    { numRuns: 30 },
  );
});

test('20,000 steps that have run again, all else as large as may be, stay below what the server refuses', () => {
  const sizes = { steps: 20_000, outputBytes: 30, rerun: 20_000, noteBytes: 1_000_000, argsBytes: 499_000 };
  const args = ['a'.repeat(sizes.argsBytes)];
  const { carriedWith } = longJob(sizes);
  const unbounded = bytesOf(carriedWith(MAX_CARRIED_BYTES)) + bytesOf(args);
  assert.ok(unbounded > REFUSED_BYTES, `it would have ${unbounded} bytes`);
  const { carried, isBeside } = handedOn(carriedWith, args);
  assert.ok(bytesOf(carried) + (isBeside ? bytesOf(args) : 0) < REFUSED_BYTES - 100_000);
});

test('generations are told within a bound, first those of steps that are to run still', () => {
  const all = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [nameOf(index), 1]));
  const knowledge = new Knowledge(BASE, all);
  for (let index = 0; index < 10_000; index++)
    knowledge.noteDone(nameOf(index), { at: { seq: index + 1, head: GENESIS }, generation: index < 9_999 ? 1 : 0 });
  const told = knowledge.carriedGenerations;
  assert.ok(bytesOf(told) <= MAX_GENERATIONS_BYTES, `${bytesOf(told)} bytes`);
  assert.equal(told[nameOf(9_999)], 1, 'it was done, and is to run again');
  assert.equal(told[nameOf(10_000)], 1);
  assert.equal(told[nameOf(0)], undefined);
  const few = { a: 1, b: 2 };
  assert.deepEqual(new Knowledge(BASE, few).carriedGenerations, few);
});

test('a plan’s outputs give way to what else is handed on, and stand among those that are left out', () => {
  const done = Array.from({ length: 900 }, (_, index) => ({
    id: `s${index}`,
    superStep: 0,
    output: 'x'.repeat(1_000),
  }));
  const carriedWith = (resultBytes: number): Carried => ({
    base: BASE,
    generations: {},
    checkpoints: { last: GENESIS, step: 1, pending: ['w'.repeat(1_048_576) as never] },
    plan: { progress: boundedProgress({ schemaVersion: 1, done }, resultBytes), rewound: [] },
  });
  const { carried, isBeside } = handedOn(carriedWith, ['a'.repeat(200_000)]);
  assert.ok(isBeside);
  assert.ok(bytesOf(carried) + 200_004 <= MAX_HANDED_ON_BYTES);
  const { done: kept, leftOut = [], leftOutResults } = carried.plan!.progress;
  assert.ok(kept.length > 500, `${kept.length} are carried`);
  assert.equal(kept.length + leftOut.length, done.length);
  assert.equal(leftOutResults, leftOut.length);
});
