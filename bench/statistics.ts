/** What a figure is made of: many measurements, their median, and how sure one may be of it. */

export type Verdict = true | false | 'undecided';

export interface Summary {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/**
 * So sure is the range of holding the true median, where there are measurements enough (five); fewer give all they
 * have.
 */
const CONFIDENCE = 0.9;

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * The median with its range: the narrowest pair of measurements, as far from either end, between which the true median
 * lies with 90 %. It supposes nothing of how measurements are spread.
 */
export function summarise(values: readonly number[]): Summary {
  if (values.length === 0) throw new Error('nothing was measured');
  const sorted = values.toSorted((a, b) => a - b);
  let cut = 0;
  while (2 * (cut + 1) < sorted.length && 1 - 2 * tail(sorted.length, cut + 1) >= CONFIDENCE) cut += 1;
  return { value: median(values), low: sorted[cut]!, high: sorted[sorted.length - 1 - cut]! };
}

/** Does the figure stay within its bound? Only a range that lies wholly on one side says so. */
export function verdict({ low, high }: Summary, bound: number): Verdict {
  if (high < bound) return true;
  return low >= bound ? false : 'undecided';
}

/** How probable it is that at most `most` of `count` tosses are heads. */
function tail(count: number, most: number): number {
  let term = 0.5 ** count;
  let sum = term;
  for (let heads = 1; heads <= most; heads++) {
    term *= (count - heads + 1) / heads;
    sum += term;
  }
  return sum;
}
