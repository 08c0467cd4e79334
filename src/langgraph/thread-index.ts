/**
 * Where the checkpoints of a thread stand, in memory. It is built from all generations when somebody first asks for a
 * checkpoint by its id, and only says where to look: what is found there is verified each time.
 */
import type { HoldfastError } from '../model/failure.ts';
import { EMPTY_HEAD, type Entry, type Head, headAfter, type PrunedEntry, type ThreadDocument } from './document.ts';
import type { Reading } from './reading.ts';

/** How many generations are read at once while the index is built. */
const READ_AT_ONCE = 16;

/** Where a checkpoint stands. */
export interface CheckpointPlace {
  readonly generation: number;
  readonly parent: string | undefined;
  /** Its generation can't be read; the next one tells what it held. */
  readonly damage: HoldfastError | undefined;
}

/** Which generation holds what. */
export class ThreadIndex {
  readonly checkpoints = new Map<string, CheckpointPlace>();
  /** By checkpoint: the generations with writes for it. */
  readonly writes = new Map<string, number[]>();
  /** Generations that can't be read, and of which no other tells what they held. */
  readonly unknown = new Map<number, HoldfastError>();
  /** All that can't be read. */
  readonly damaged = new Map<number, HoldfastError>();
  head: Head = EMPTY_HEAD;

  /** @param generations those that the store lists, oldest first */
  static async build(reading: Reading, generations: readonly number[]): Promise<ThreadIndex> {
    const index = new ThreadIndex();
    let unread: { readonly generation: number; readonly damage: HoldfastError } | undefined;
    const newest = generations.at(-1) ?? -1;
    const listed = new Set(generations);
    for (let from = 0; from <= newest; from += READ_AT_ONCE) {
      const some = Array.from({ length: Math.min(READ_AT_ONCE, newest + 1 - from) }, (_, at) => from + at);
      const reads = await Promise.all(
        some.map(async (one) => (listed.has(one) ? reading.read(one) : { damage: reading.missing(one) })),
      );
      for (const [at, read] of reads.entries()) {
        if (unread !== undefined) index.addDamaged(unread, 'document' in read ? read.document : undefined);
        unread = 'damage' in read ? { generation: from + at, damage: read.damage } : undefined;
        if ('document' in read) index.add(read.document.entries, from + at);
      }
    }
    if (unread !== undefined) index.addDamaged(unread, undefined);
    return index;
  }

  add(entries: readonly Entry[], generation: number, damage?: HoldfastError): void {
    for (const entry of entries) this.#addEntry(entry, generation, damage);
    this.head = headAfter(this.head, entries, generation);
  }

  /** @param next the generation after it, if that could be read */
  addDamaged(unread: { readonly generation: number; readonly damage: HoldfastError }, next?: ThreadDocument): void {
    const { generation, damage } = unread;
    this.damaged.set(generation, damage);
    if (next?.before?.generation === generation) this.add(next.before.entries, generation, damage);
    else this.unknown.set(generation, damage);
  }

  /** Ids, newest first. */
  get ids(): string[] {
    return [...this.checkpoints.keys()].sort((a, b) => (a < b ? 1 : -1));
  }

  /** Of those that can be loaded whole, newest first. */
  get soundIds(): string[] {
    const parents = new Set([...this.checkpoints.values()].map(({ parent }) => parent));
    return this.ids.filter((id) => this.checkpoints.get(id)?.damage === undefined && !this.#mayLack(id, parents));
  }

  /**
   * What tasks wrote after a checkpoint may stand in a generation that can't be read, as long as no other checkpoint
   * followed: whoever went on from it would do that work again.
   */
  doubtOf(id: string): HoldfastError | undefined {
    const parents = new Set([...this.checkpoints.values()].map(({ parent }) => parent));
    return this.#mayLack(id, parents) ? [...this.unknown.values()].at(-1) : undefined;
  }

  #mayLack(id: string, parents: ReadonlySet<string | undefined>): boolean {
    const { generation } = this.checkpoints.get(id)!;
    return !parents.has(id) && [...this.unknown.keys()].some((unknown) => unknown > generation);
  }

  #addEntry(entry: Entry, generation: number, damage: HoldfastError | undefined): void {
    if (entry.is === 'checkpoint') this.checkpoints.set(entry.id, { generation, parent: entry.parent, damage });
    else if (entry.is === 'writes') {
      const places = this.writes.get(entry.checkpoint) ?? [];
      if (!places.includes(generation)) this.writes.set(entry.checkpoint, [...places, generation]);
    } else if (entry.is === 'set-aside') this.#giveUp(entry.generations);
    else if (entry.is === 'pruned') this.#prune(entry);
    else this.#forget();
  }

  /** Somebody has decided to go on without them. */
  #giveUp(generations: readonly number[]): void {
    const isGivenUp = (generation: number): boolean => generations.includes(generation);
    for (const [id, { generation }] of this.checkpoints) if (isGivenUp(generation)) this.checkpoints.delete(id);
    for (const [id, places] of this.writes)
      this.writes.set(
        id,
        places.filter((place) => !isGivenUp(place)),
      );
    for (const generation of generations) {
      this.unknown.delete(generation);
      this.damaged.delete(generation);
    }
  }

  /** What isn't kept is gone, or will be. */
  #prune({ checkpoints, generations }: PrunedEntry): void {
    const [ids, kept] = [new Set(checkpoints), new Set(generations)];
    for (const id of this.checkpoints.keys()) if (!ids.has(id)) this.checkpoints.delete(id);
    for (const [id, places] of this.writes) {
      const left = places.filter((place) => kept.has(place));
      if (left.length > 0) this.writes.set(id, left);
      else this.writes.delete(id);
    }
    for (const lost of [this.unknown, this.damaged])
      for (const generation of lost.keys()) if (!kept.has(generation)) lost.delete(generation);
  }

  /** The thread was deleted there. */
  #forget(): void {
    this.checkpoints.clear();
    this.writes.clear();
    this.unknown.clear();
    this.damaged.clear();
  }
}
