/**
 * The latest checkpoints of this Run, for who asks the Workflow: without the record, and within a bound.
 *
 * Invariant: the values of each that is remembered are the fold of what is held here. To go on costs what was written.
 */
import { jsonBytes, type Json, type JsonObject } from '../../model/canonical-json.ts';
import type { CheckpointNote } from '../../model/checkpoint/note.ts';
import type { Digest } from '../../model/digest.ts';
import { FoldedWrites, foldWrites } from '../../model/state/fold-writes.ts';

export const MAX_REMEMBERED = 100;
const MAX_REMEMBERED_BYTES = 1_048_576;

export interface RememberedCheckpoint {
  readonly note: CheckpointNote;
  /** Its number in the record; undefined: the record is not known to have it. */
  seq: number | undefined;
  readonly sizeBytes: number;
}

export class RememberedCheckpoints {
  #list: RememberedCheckpoint[] = [];
  /** The state at the first of them. */
  #first: FoldedWrites | undefined;
  #sizeBytes = 0;

  /** Oldest first. */
  get list(): readonly RememberedCheckpoint[] {
    return this.#list;
  }

  get latest(): RememberedCheckpoint | undefined {
    return this.#list.at(-1);
  }

  /** @param here the state after it, where it may go on from one that this Run does not have */
  add(note: CheckpointNote, seq: number | undefined, here?: () => FoldedWrites): void {
    const sizeBytes = jsonBytes(note as Json);
    this.#list.push({ note, seq, sizeBytes });
    this.#sizeBytes += sizeBytes;
    if (this.#list.length === 1) this.#first = folded(undefined, note) ?? here?.();
    while (this.#list.length > 1 && (this.#list.length > MAX_REMEMBERED || this.#sizeBytes > MAX_REMEMBERED_BYTES))
      this.#forgetFirst();
  }

  recorded(digest: Digest, seq: number): void {
    // What was recorded is among the latest.
    const one = this.#list.findLast(({ note }) => note.digest === digest);
    if (one !== undefined) one.seq = seq;
  }

  /** The state at one of them. Undefined: this Run does not know it. */
  valuesAt(place: number): JsonObject | undefined {
    const notes = this.#list.slice(0, place + 1).map(({ note }) => note);
    const from = notes.findLastIndex(({ begins }, index) => index > 0 && begins !== undefined);
    if (from > 0) return foldWrites(notes[from]!.begins!, writesOf(notes.slice(from)));
    return this.#first && foldWrites(this.#first.declared, writesOf(notes.slice(1)), this.#first.values);
  }

  #forgetFirst(): void {
    this.#sizeBytes -= this.#list.shift()!.sizeBytes;
    this.#first = folded(this.#first, this.#list[0]!.note);
  }
}

function writesOf(notes: readonly CheckpointNote[]): CheckpointNote['writes'] {
  return notes.flatMap(({ writes }) => writes);
}

function folded(before: FoldedWrites | undefined, { begins, writes }: CheckpointNote): FoldedWrites | undefined {
  const state = begins === undefined ? before : new FoldedWrites(begins);
  state?.add(writes);
  return state;
}
