/**
 * A set of the chain's sequence numbers, as its ranges: steps that are done in a row are one of them, however many they
 * are. What lies between two ranges are records of other kinds, of which there are few.
 *
 * Invariant: the ranges are in order, and a number that is missing lies between any two.
 */
import * as z from 'zod';

/** The first and the last of each. */
export const SeqRangesSchema = z.array(z.tuple([z.int().min(1), z.int().min(1)]));
export type SeqRange = [first: number, last: number];

export class SeqRanges {
  readonly #ranges: SeqRange[] = [];

  static of(seqs: Iterable<number>): SeqRanges {
    const ranges = new SeqRanges();
    for (const seq of seqs) ranges.add(seq);
    return ranges;
  }

  get list(): SeqRange[] {
    return this.#ranges.map(([first, last]) => [first, last]);
  }

  add(seq: number): void {
    const place = this.#placeAfter(seq);
    const [before, after] = [this.#ranges[place - 1], this.#ranges[place]];
    if (before !== undefined && seq <= before[1]) return;
    const joinsBefore = before?.[1] === seq - 1;
    const joinsAfter = after?.[0] === seq + 1;
    if (joinsBefore && joinsAfter) this.#ranges.splice(place - 1, 2, [before[0], after[1]]);
    else if (joinsBefore) before[1] = seq;
    else if (joinsAfter) after[0] = seq;
    else this.#ranges.splice(place, 0, [seq, seq]);
  }

  /** The place of the first range that begins behind it. Looked for from the end, where most are added. */
  #placeAfter(seq: number): number {
    return this.#ranges.findLastIndex(([first]) => first <= seq) + 1;
  }
}
