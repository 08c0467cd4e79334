/**
 * One thread of LangGraph's (and one namespace of it) in a store.
 *
 * Invariants
 * 1. What is given out was verified when it was asked for. In doubt it is a failure that names what is damaged.
 * 2. A checkpoint goes on from one that is there, and refers to that one's values instead of writing them again.
 */
import type { CheckpointTuple, SerializerProtocol } from '@langchain/langgraph-checkpoint';
import { HoldfastError } from '../model/failure.ts';
import { Appending } from './appending.ts';
import type { CheckpointEntry, Entry } from './document.ts';
import { KnownThread, namedIds, namingOthers } from './known.ts';
import type { Listing } from './listing.ts';
import { type KeptChannels, Loading, placesOf, type Whereabouts } from './loading.ts';
import { threadText, type ThreadName } from './names.ts';
import { checkpointEntry, type PreparedCheckpoint } from './prepared.ts';
import { planPruning } from './pruning.ts';
import type { Reading } from './reading.ts';
import { Rivals } from './rivals.ts';
import type { ThreadIndex } from './thread-index.ts';
import type { ThreadStore } from './patient-store.ts';

/** The channels of so many checkpoints of a thread are remembered: what is put next mostly follows the last one. */
const MAX_REMEMBERED = 8;

/** What all threads of a saver have in common. */
export interface ThreadSettings {
  readonly serde: SerializerProtocol;
  /** Who writes, for people. */
  readonly writer: string;
  readonly nextVersion: () => number;
}

export class Thread {
  readonly name: ThreadName;
  readonly #settings: ThreadSettings;
  readonly #rivals = new Rivals();
  readonly #known: KnownThread;
  readonly #appending: Appending;
  readonly #channels = new Map<string, KeptChannels>();
  /** Of these the channels were forgotten. */
  #removals = 0;
  #putsUntilPruning = 0;

  constructor(store: ThreadStore, name: ThreadName, settings: ThreadSettings) {
    this.name = name;
    this.#settings = settings;
    const { writer } = settings;
    this.#known = new KnownThread(store, name, { rivals: this.#rivals, writer });
    this.#appending = new Appending(store, this.#known, writer);
  }

  get isIdle(): boolean {
    return this.#appending.isIdle;
  }

  /**
   * Undefined: the thread has no checkpoint.
   * @param isRun a run asks, which then begins the thread
   * @throws HoldfastError `checkpoint-damaged`
   */
  async latest(isRun: boolean): Promise<CheckpointTuple | undefined> {
    const newest = await this.#known.verified();
    const latest = newest?.head.latest;
    if (newest === undefined || latest === undefined) {
      if (isRun) this.#rivals.sawNone(this.#known.newest);
      return undefined;
    }
    const writes = newest.head.writes[latest.id] ?? [];
    const tuple = await this.#load({ ...latest, writes, parentWrites: this.#writesOf }, newest.reading);
    this.#rivals.sawLatest(latest.id, newest.generation);
    return tuple;
  }

  /** Undefined: there is none of this id. @throws HoldfastError `checkpoint-damaged` */
  async named(id: string): Promise<CheckpointTuple | undefined> {
    const indexed = await this.#known.indexed();
    if (indexed === undefined) return undefined;
    const { reading, index } = indexed;
    const place = index.checkpoints.get(id);
    if (place === undefined) return mustBeUnknown(index);
    const tuple = await this.#load(this.#whereabouts(index, id), reading);
    this.#rivals.sawNamed(id, this.#known.newest);
    return tuple;
  }

  /** @throws HoldfastError `not-found` naming the checkpoints that are there */
  async refuseUnknown(id: string): Promise<never> {
    throw notFound(this.name, id, (await this.#known.indexed())?.index.ids ?? []);
  }

  /** The index, and a way to load from it. Undefined: there is no such thread. */
  async listing(): Promise<Listing | undefined> {
    const indexed = await this.#known.indexed();
    if (indexed === undefined) return undefined;
    const { index, reading } = indexed;
    return {
      index,
      newest: this.#known.newest,
      loading: new Loading(this.name, reading, this.#settings.serde),
      load: async (id) => this.#load(this.#whereabouts(index, id), reading),
    };
  }

  /** @throws HoldfastError `checkpoint-taken` naming both writers; `not-found` for a parent that isn't there */
  async put(preparing: Promise<PreparedCheckpoint>): Promise<void> {
    // Asked once: the entry is made anew where another writer comes first.
    let begins: { readonly seen: number | undefined } | undefined;
    let added: { readonly id: string; readonly channels: KeptChannels } | undefined;
    await this.#appending.add(true, async () => {
      const prepared = await preparing;
      if (prepared.parent === undefined && !prepared.isCopy) {
        begins ??= { seen: this.#rivals.takeBeginning() };
        const { writer } = this.#settings;
        if (begins.seen !== undefined) this.#rivals.admitBeginning({ id: prepared.id, writer }, begins.seen, this.name);
      }
      const entry = await this.#entry(prepared);
      const places = placesOf(entry, this.#known.newest + 1);
      added = { id: entry.id, channels: { versions: prepared.versions, places } };
      return entry;
    });
    if (added !== undefined) this.#remember(added.id, added.channels);
  }

  /** Adds what is no checkpoint. */
  async add(entry: Promise<Entry>): Promise<void> {
    await this.#appending.add(false, async () => entry);
  }

  /** From now on the thread has no checkpoint. @returns the generation that says so */
  async markDeleted(): Promise<number> {
    const { writer } = this.#settings;
    await this.#appending.add(true, async () => ({ is: 'deleted', writer }));
    return this.#known.newest;
  }

  /**
   * Gives up all but the newest checkpoints, once there are twice as many.
   * @returns which generations before another one are no longer part of the thread
   */
  async prune(keep: number): Promise<((generation: number) => boolean) | undefined> {
    this.#putsUntilPruning -= 1;
    if (this.#putsUntilPruning > 0) return undefined;
    const count = (await this.listing())?.index.checkpoints.size ?? 0;
    this.#putsUntilPruning = Math.max(1, 2 * keep - count);
    if (count < 2 * keep) return undefined;
    let isUnneeded: ((generation: number) => boolean) | undefined;
    await this.#appending.add(true, async () => {
      const listing = (await this.listing())!;
      const { checkpoints, generations } = await planPruning(listing, keep);
      const kept = new Set(generations);
      isUnneeded = (generation) => generation <= listing.newest && !kept.has(generation);
      return { is: 'pruned', writer: this.#settings.writer, checkpoints, generations };
    });
    return isUnneeded;
  }

  /** From now on the thread goes on without these generations. */
  async giveUp(generations: readonly number[]): Promise<void> {
    const { writer } = this.#settings;
    await this.#appending.add(true, async () => ({ is: 'set-aside', writer, generations: [...generations] }));
  }

  async #entry(prepared: PreparedCheckpoint): Promise<CheckpointEntry> {
    const { id, parent, isCopy } = prepared;
    const { writer } = this.#settings;
    const kept = parent === undefined ? undefined : await this.#channelsOf(parent);
    const isBranch = parent !== undefined && (isCopy || this.#rivals.admit({ id, parent, writer }, this.name));
    return await checkpointEntry(prepared, { kept, others: [...this.#channels.values()], isBranch, writer });
  }

  /** Of a checkpoint that is to be gone on from. */
  async #channelsOf(id: string): Promise<KeptChannels> {
    if (this.#known.removals !== this.#removals) this.#channels.clear();
    this.#removals = this.#known.removals;
    const remembered = this.#channels.get(id);
    if (remembered !== undefined) return remembered;
    const listing = await this.listing();
    const place = listing?.index.checkpoints.get(id);
    if (listing === undefined || place === undefined) {
      if (listing !== undefined) mustBeUnknown(listing.index);
      throw notFound(this.name, id, listing?.index.ids ?? []);
    }
    const entry = await listing.loading.entry(id, place.generation);
    return await listing.loading.channels(entry, place.generation);
  }

  readonly #writesOf = async (id: string): Promise<readonly number[]> =>
    (await this.#known.indexed())?.index.writes.get(id) ?? [];

  /** @throws HoldfastError `checkpoint-damaged`: some of what belongs to it may stand in what can't be read */
  #whereabouts(index: ThreadIndex, id: string): Whereabouts {
    const { generation } = index.checkpoints.get(id)!;
    const ofLatest = this.#known.writesOfLatest(id);
    const doubt = ofLatest === undefined ? index.doubtOf(id) : undefined;
    if (doubt !== undefined) throw namingOthers(doubt, index.soundIds);
    return { id, generation, writes: ofLatest ?? index.writes.get(id) ?? [], parentWrites: this.#writesOf };
  }

  async #load(place: Whereabouts, reading: Reading): Promise<CheckpointTuple> {
    const { serde, nextVersion } = this.#settings;
    const { tuple, kept } = await new Loading(this.name, reading, serde).load(place, nextVersion);
    this.#remember(place.id, kept);
    return tuple;
  }

  #remember(id: string, channels: KeptChannels): void {
    this.#channels.delete(id);
    this.#channels.set(id, channels);
    const [oldest] = this.#channels.keys();
    if (this.#channels.size > MAX_REMEMBERED && oldest !== undefined) this.#channels.delete(oldest);
  }
}

/** An id that isn't in the index may be in a generation that can't be read: then it is not said to be unknown. */
function mustBeUnknown(index: ThreadIndex): undefined {
  const [damage] = index.unknown.values();
  if (damage !== undefined) throw namingOthers(damage, index.soundIds);
  return undefined;
}

function notFound(name: ThreadName, id: string, ids: readonly string[]): HoldfastError {
  return new HoldfastError('not-found', `There is no checkpoint ${id} in ${threadText(name)}. ${namedIds(ids)}`, {
    ...name,
    checkpoint: id,
    checkpoints: ids,
  });
}
