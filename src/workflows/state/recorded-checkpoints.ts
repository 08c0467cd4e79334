/**
 * Which checkpoints of a user's own Workflow the record has. The Workflow starts from its beginning in a new Run and
 * notes them again; what is recorded need not travel again.
 *
 * Invariants
 * 1. A checkpoint's digest covers all before it: where one is recorded, so are those.
 * 2. What is carried is bounded. Of what is no longer known here the record itself knows that it has it.
 */
import { MAX_RECORDED, recordedCheckpoint, type RecordedCheckpoint } from '../../model/checkpoint/recorded-path.ts';
import type { Digest } from '../../model/digest.ts';

export class RecordedCheckpoints {
  /** Of this path, in order. */
  #list: RecordedCheckpoint[];
  /** Of an earlier Run, by place, until the Workflow goes another way. */
  #earlier: Map<number, RecordedCheckpoint>;

  constructor(carried: readonly RecordedCheckpoint[] = []) {
    this.#list = [];
    this.#earlier = new Map(carried.map((one) => [one[0], one]));
  }

  /** The number of the checkpoint that is noted in this place, if an earlier Run has recorded the same. */
  again(place: number, digest: Digest): number | undefined {
    const earlier = this.#earlier.get(place);
    if (earlier === undefined) return undefined;
    if (!digest.startsWith(earlier[2])) {
      // From here on all are others.
      this.#earlier.clear();
      return undefined;
    }
    this.#push(earlier);
    return earlier[1];
  }

  /** Has an earlier Run recorded one in this place, or after it? */
  mayFollow(place: number): boolean {
    return [...this.#earlier.keys()].some((one) => one >= place);
  }

  add(place: number, seq: number, digest: Digest): void {
    this.#push(recordedCheckpoint(place, { seq, digest }));
  }

  #push(one: RecordedCheckpoint): void {
    this.#list.push(one);
    if (this.#list.length > 2 * MAX_RECORDED) this.#list = this.#list.slice(-MAX_RECORDED);
  }

  /** For a new Run. */
  get carried(): readonly RecordedCheckpoint[] {
    const last = this.#list.at(-1)?.[0] ?? -1;
    const further = [...this.#earlier.values()].filter(([place]) => place > last);
    return [...this.#list, ...further].slice(-MAX_RECORDED);
  }
}
