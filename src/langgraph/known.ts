/**
 * What this process knows of a thread: how far it goes, and what its newest generation holds.
 *
 * Invariants
 * 1. It is checked against the store before it is relied on: a generation that was there and is gone, and a newest one
 *    that can't be read, are failures, never an older state or none.
 * 2. A thread that was deleted goes on with higher numbers, so that nothing of it is taken for the new one's.
 */
import { HoldfastError } from '../model/failure.ts';
import { EMPTY_HEAD, type Entry, type Head, type ThreadDocument } from './document.ts';
import { seriesOf, threadText, type ThreadName } from './names.ts';
import { Reading } from './reading.ts';
import type { Rivals } from './rivals.ts';
import { ThreadIndex } from './thread-index.ts';
import type { ThreadStore } from './patient-store.ts';

/** The newest generation of a thread, as the store has it now. */
export interface Newest {
  readonly reading: Reading;
  readonly generation: number;
  readonly head: Head;
}

/** A thread as one process knows it. */
export class KnownThread {
  readonly name: ThreadName;
  readonly #store: ThreadStore;
  readonly #rivals: Rivals;
  readonly #writer: string;
  #newest = -1;
  #removals = 0;
  /** What the newest generation holds. Undefined: it can't be read. */
  #entries: readonly Entry[] | undefined;
  /** Undefined: nothing was read yet, or the newest can't be read. */
  #head: Head | undefined;
  #index: ThreadIndex | undefined;
  /** What was put since the index is being built. Undefined: it isn't. */
  #meanwhile: ThreadDocument[] | undefined;
  /** One at a time learns what others have put. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(store: ThreadStore, name: ThreadName, of: { readonly rivals: Rivals; readonly writer: string }) {
    this.#store = store;
    this.name = name;
    this.#rivals = of.rivals;
    this.#writer = of.writer;
  }

  get newest(): number {
    return this.#newest;
  }

  /** How often something of the thread was removed, as far as this process has seen it. */
  get removals(): number {
    return this.#removals;
  }

  /** What the generation after this one repeats. */
  get before(): { generation: number; entries: Entry[] } | undefined {
    if (this.#newest < 0 || this.#entries === undefined) return undefined;
    return { generation: this.#newest, entries: [...this.#entries] };
  }

  /**
   * The newest generation, read and verified now.
   * @returns undefined: there is no such thread
   * @throws HoldfastError `checkpoint-damaged` naming the generation and the checkpoints that can be read
   */
  async verified(): Promise<Newest | undefined> {
    const reading = new Reading(this.#store, this.name);
    const generations = await this.#catchUp(reading);
    if (generations.length === 0) return undefined;
    const read = await reading.read(this.#newest);
    if ('document' in read) return { reading, generation: this.#newest, head: read.document.head };
    throw await this.#withOthers(read.damage, reading, generations);
  }

  /** All checkpoints of the thread, as the store has them now. Undefined: there is no such thread. */
  async indexed(): Promise<{ readonly reading: Reading; readonly index: ThreadIndex } | undefined> {
    const reading = new Reading(this.#store, this.name);
    const generations = await this.#catchUp(reading);
    if (generations.length === 0) return undefined;
    return { reading, index: await this.#builtIndex(reading, generations) };
  }

  /** Learns what others have put since. */
  async catchUp(): Promise<void> {
    await this.#catchUp(new Reading(this.#store, this.name));
  }

  /** Where the writes of a checkpoint stand, if it is the latest. Undefined: it isn't, or that can't be told. */
  writesOfLatest(id: string): readonly number[] | undefined {
    return this.#head?.latest?.id === id ? (this.#head.writes[id] ?? []) : undefined;
  }

  /** The head that the next generation goes on from. */
  async head(): Promise<Head> {
    if (this.#head === undefined && this.#newest >= 0) this.#head = (await this.indexed())?.index.head;
    return this.#head ?? EMPTY_HEAD;
  }

  /** A generation was put, by this saver or another. */
  took(document: ThreadDocument): void {
    const { entries, generation, head } = document;
    if (generation <= this.#newest) return;
    this.#newest = generation;
    this.#entries = entries;
    this.#head = head;
    this.#meanwhile?.push(document);
    this.#index?.add(entries, generation);
    for (const entry of entries)
      if (entry.is === 'checkpoint') this.#rivals.put(entry, generation, entry.writer === this.#writer);
      else if (entry.is === 'deleted' || entry.is === 'pruned') this.#removals += 1;
  }

  async #catchUp(reading: Reading): Promise<readonly number[]> {
    return this.#inTurn(async () => {
      const known = this.#newest;
      const generations = await this.#store.generations(seriesOf(this.name));
      const newest = generations.at(-1) ?? -1;
      if (newest < known) throw this.#forgotten(newest);
      // What was there before this process looked is read when it is needed.
      const from = known < 0 ? newest : known + 1;
      for (const generation of generations.filter((one) => one >= from && one > this.#newest)) {
        const read = await reading.read(generation);
        if (generation <= this.#newest) continue;
        if ('document' in read) this.took(read.document);
        else this.#learnDamaged(generation);
      }
      return generations;
    });
  }

  async #builtIndex(reading: Reading, generations: readonly number[]): Promise<ThreadIndex> {
    return this.#inTurn(async () => {
      if (this.#index !== undefined) return this.#index;
      this.#meanwhile = [];
      try {
        const index = await ThreadIndex.build(reading, generations);
        const built = generations.at(-1) ?? -1;
        for (const { entries, generation } of this.#meanwhile) if (generation > built) index.add(entries, generation);
        return (this.#index = index);
      } finally {
        this.#meanwhile = undefined;
      }
    });
  }

  async #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(act, act);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Which checkpoints there are is then found out anew. */
  #learnDamaged(generation: number): void {
    this.#newest = generation;
    this.#entries = undefined;
    this.#head = undefined;
    this.#index = undefined;
  }

  #forgotten(newest: number): HoldfastError {
    const found = newest < 0 ? 'none' : `up to ${newest}`;
    return new HoldfastError(
      'read-back-failed',
      `The store has lost generations of ${threadText(this.name)}: ${this.#newest} was there. Found ${found}.`,
      { ...this.name, expected: this.#newest, found: newest },
    );
  }

  async #withOthers(damage: HoldfastError, reading: Reading, generations: readonly number[]): Promise<HoldfastError> {
    return namingOthers(damage, (await this.#builtIndex(reading, generations)).soundIds);
  }
}

const MAX_NAMED = 10;

/** The failure, with the checkpoints that can be loaded by their ids. @param ids newest first */
export function namingOthers(failure: HoldfastError, ids: readonly string[]): HoldfastError {
  const others = namedIds(ids);
  return new HoldfastError(
    failure.type,
    `${failure.message} It may hold the thread's latest state, so no older one is taken for it. ${others}`,
    {
      ...failure.details,
      checkpoints: ids,
      nextStep:
        'Bring the file or row back from a backup; or look at the older checkpoints (graph.getState with their ids), ' +
        'and decide to go on without what is damaged: `await saver.setAsideDamaged(threadId)`.',
    },
    { cause: failure },
  );
}

/** For people. @param ids newest first */
export function namedIds(ids: readonly string[]): string {
  if (ids.length === 0) return 'There is none that can be read whole.';
  const more = ids.length > MAX_NAMED ? `, and ${ids.length - MAX_NAMED} older ones` : '';
  return `${ids.length === 1 ? 'There is' : 'There are'} ${ids.slice(0, MAX_NAMED).join(', ')}${more}.`;
}
