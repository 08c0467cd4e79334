/** Work on many files that waits for the disk: so much of it at once. */

/** Whoever creates a file waits for the file system's journal, in which others' files are just being made to last. */
const AT_ONCE = 64;

/** Of one of those that work: it grows with what needs it. */
export class Buffers {
  #bytes = Buffer.alloc(0);

  /** What was in it is gone. */
  ofSize(sizeBytes: number): Buffer {
    if (this.#bytes.byteLength < sizeBytes) this.#bytes = Buffer.allocUnsafeSlow(sizeBytes);
    return this.#bytes.subarray(0, sizeBytes);
  }
}

/** In the order given, as far as there is room. @throws the first failure, once nothing is under way any more */
export async function besideEachOther<T>(
  items: readonly T[],
  act: (item: T, buffers: Buffers) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  const work = async (): Promise<void> => {
    const buffers = new Buffers();
    for (const item of waiting) await act(item, buffers);
  };
  const ends = await Promise.allSettled(Array.from({ length: Math.min(AT_ONCE, items.length) }, work));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
