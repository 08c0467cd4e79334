/** The name that was probably meant. */

/** The candidate that was probably meant, if one is near. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 0.5;
  for (const candidate of candidates) {
    const other = candidate.toLowerCase();
    const distance = Math.min(editDistance(wanted, other), partDistance(wanted, other));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** The candidate that one slip of the hand makes of this name: one character, or two neighbours swapped. */
export function misspelledName(name: string, candidates: readonly string[]): string | undefined {
  return candidates.find((candidate) => editDistance(name.toLowerCase(), candidate.toLowerCase()) <= 1);
}

/** For a name of which a part is missing or was added: `timeot` for `timeoutMs`, `attempts` for `maxAttempts`. */
function partDistance(wanted: string, other: string): number {
  const [short, long] = wanted.length < other.length ? [wanted, other] : [other, wanted];
  if (short.length < 4) return Infinity;
  if (long.startsWith(short) || long.endsWith(short)) return 1;
  return 1 + editDistance(short, long.slice(0, short.length + 1));
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). Names are short. */
function editDistance(a: string, b: string): number {
  if (Math.max(a.length, b.length) > 200) return Infinity;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(previous[j]! + 1, current[j - 1]! + 1, previous[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, beforePrevious[j - 2]! + 1);
      current.push(cost);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length]!;
}
