/** Sequence numbers as ranges: the same set, and small while what is added stands in a row. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeqRanges, SeqRangesSchema } from '../../src/model/job/seq-ranges.ts';

const numbersOf = (ranges: SeqRanges): number[] =>
  ranges.list.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, n) => first + n));

/** The same order in every run of the test. */
function shuffled(numbers: readonly number[], seed: number): number[] {
  return numbers.toSorted((a, b) => ((a * seed) % 1009) - ((b * seed) % 1009));
}

test('ranges hold what was added, in whatever order and however often, with a gap between any two', () => {
  const numbers = Array.from({ length: 200 }, (_, n) => n + 1).filter((n) => n % 7 !== 0 && n % 11 !== 3);
  for (const seed of [1, 17, 333, 1008]) {
    const ranges = SeqRanges.of([...shuffled(numbers, seed), ...numbers.slice(0, 20)]);
    assert.deepEqual(numbersOf(ranges), numbers);
    assert.ok(ranges.list.every(([first], n) => n === 0 || first > ranges.list[n - 1]![1] + 1));
    assert.ok(SeqRangesSchema.safeParse(ranges.list).success);
  }
});

test('ten thousand steps in a row are one range', () => {
  assert.deepEqual(SeqRanges.of(Array.from({ length: 10_000 }, (_, n) => n + 2)).list, [[2, 10_001]]);
});
