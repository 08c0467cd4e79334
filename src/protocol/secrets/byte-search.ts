/**
 * Looks for many byte strings at once (Wu and Manber, blocks of two bytes): most bytes of a content are never looked
 * at. A file of a gibibyte takes a few seconds, however many strings there are.
 */

const BLOCKS = 65_536;
const MAX_SHIFT = 255;

export class ByteSearch {
  readonly #patterns: readonly Uint8Array[];
  /** The length of the shortest pattern: only so much of each pattern decides where to look closer. */
  readonly #windowBytes: number;
  /** How far a window that ends in these two bytes may move on; 0: look closer. */
  readonly #shifts = new Uint8Array(BLOCKS);
  /** By the last two bytes of its window: the numbers of the patterns that may be there. */
  readonly #candidates = new Map<number, number[]>();

  /** @param patterns each of two bytes or more */
  constructor(patterns: readonly Uint8Array[]) {
    this.#patterns = patterns;
    this.#windowBytes = Math.min(MAX_SHIFT, ...patterns.map(({ byteLength }) => byteLength));
    const last = this.#windowBytes - 2;
    this.#shifts.fill(last + 1);
    patterns.forEach((pattern, number) => {
      for (let at = 0; at <= last; at++) {
        const block = pattern[at]! | (pattern[at + 1]! << 8);
        this.#shifts[block] = Math.min(this.#shifts[block]!, last - at);
      }
      const end = pattern[last]! | (pattern[last + 1]! << 8);
      this.#candidates.set(end, [...(this.#candidates.get(end) ?? []), number]);
    });
  }

  /** The number of a pattern that the bytes hold; undefined: they hold none. */
  find(bytes: Uint8Array): number | undefined {
    const last = this.#windowBytes - 2;
    const shifts = this.#shifts;
    const end = bytes.byteLength - 1;
    for (let at = last; at < end;) {
      const block = bytes[at]! | (bytes[at + 1]! << 8);
      const shift = shifts[block]!;
      if (shift > 0) {
        at += shift;
        continue;
      }
      const found = this.#candidates.get(block)!.find((number) => isAt(bytes, at - last, this.#patterns[number]!));
      if (found !== undefined) return found;
      at += 1;
    }
    return undefined;
  }
}

function isAt(bytes: Uint8Array, start: number, pattern: Uint8Array): boolean {
  if (start + pattern.byteLength > bytes.byteLength) return false;
  for (let at = 0; at < pattern.byteLength; at++) if (bytes[start + at] !== pattern[at]) return false;
  return true;
}
