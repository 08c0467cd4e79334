/** Makes of what a thread's generations hold what LangGraph asks for. */
import {
  type Checkpoint,
  type CheckpointMetadata,
  type CheckpointPendingWrite,
  type CheckpointTuple,
  maxChannelVersion,
  TASKS,
  type SerializerProtocol,
} from '@langchain/langgraph-checkpoint';
import { type CheckpointEntry, type Written, writtenBytes } from './document.ts';
import { configOf, type ThreadName } from './names.ts';
import { damaged, type Reading } from './reading.ts';

/** Versions of checkpoints before this one had the parent's sends among its writes. */
const SENDS_IN_CHANNELS = 4;

/** Where a checkpoint and what belongs to it stand. */
export interface Whereabouts {
  readonly id: string;
  readonly generation: number;
  /** Generations with writes for it. */
  readonly writes: readonly number[];
  /** The same of its parent, where that is asked for. */
  readonly parentWrites: (parent: string) => Promise<readonly number[]>;
}

/** A checkpoint, loaded, with what an addition to the thread needs to know of it. */
export interface Loaded {
  readonly tuple: CheckpointTuple;
  readonly kept: KeptChannels;
}

/** The channels of a checkpoint: their versions, and where the values stand. */
export interface KeptChannels {
  readonly versions: Readonly<Record<string, number | string>>;
  readonly places: Readonly<Record<string, number>>;
}

/** Loads from one thread. */
export class Loading {
  readonly #name: ThreadName;
  readonly #reading: Reading;
  readonly #serde: SerializerProtocol;

  constructor(name: ThreadName, reading: Reading, serde: SerializerProtocol) {
    this.#name = name;
    this.#reading = reading;
    this.#serde = serde;
  }

  /** @throws HoldfastError `checkpoint-damaged`, `unknown-format` */
  async load(place: Whereabouts, nextVersion: () => number): Promise<Loaded> {
    const { id, generation } = place;
    const entry = await this.entry(id, generation);
    const pendingWrites = await this.writes(id, place.writes);
    const { checkpoint, kept } = await this.#checkpoint(entry, generation);
    if (checkpoint.v < SENDS_IN_CHANNELS && entry.parent !== undefined)
      addSends(checkpoint, await this.writes(entry.parent, await place.parentWrites(entry.parent)), nextVersion);
    const metadata = (await this.#value(entry.metadata)) as CheckpointMetadata;
    const tuple = { config: configOf(this.#name, id), checkpoint, metadata, pendingWrites };
    if (entry.parent === undefined) return { tuple, kept };
    return { tuple: { ...tuple, parentConfig: configOf(this.#name, entry.parent) }, kept };
  }

  async entry(id: string, generation: number): Promise<CheckpointEntry> {
    const { entries } = await this.#reading.document(generation);
    const entry = entries.find((one) => one.is === 'checkpoint' && one.id === id);
    if (entry?.is !== 'checkpoint') throw damaged(this.#name, generation, `checkpoint ${id}`, 'none of this id');
    return entry;
  }

  async metadata(entry: CheckpointEntry): Promise<CheckpointMetadata> {
    return (await this.#value(entry.metadata)) as CheckpointMetadata;
  }

  /**
   * The pending writes of a checkpoint, as LangGraph applies those of a super-step: ordered by path, task and place.
   * Of two of one task and place the first counts, of special ones the last.
   */
  async writes(id: string, generations: readonly number[]): Promise<CheckpointPendingWrite[]> {
    const byPlace = new Map<string, { readonly order: WriteOrder; readonly write: CheckpointPendingWrite }>();
    for (const generation of [...generations].sort((a, b) => a - b)) {
      const { entries } = await this.#reading.document(generation);
      for (const entry of entries) {
        if (entry.is !== 'writes' || entry.checkpoint !== id) continue;
        const { task, path, writes } = entry;
        for (const { index, channel, value } of writes) {
          const key = JSON.stringify([task, index]);
          if (index >= 0 && byPlace.has(key)) continue;
          byPlace.set(key, { order: [path, task, index], write: [task, channel, await this.#value(value)] });
        }
      }
    }
    return [...byPlace.values()].sort((a, b) => compareWrites(a.order, b.order)).map(({ write }) => write);
  }

  async channels(entry: CheckpointEntry, generation: number): Promise<KeptChannels> {
    const rest = (await this.#value(entry.checkpoint)) as Checkpoint;
    return { versions: rest.channel_versions, places: placesOf(entry, generation) };
  }

  async #checkpoint(
    entry: CheckpointEntry,
    generation: number,
  ): Promise<{ readonly checkpoint: Checkpoint; readonly kept: KeptChannels }> {
    const rest = (await this.#value(entry.checkpoint)) as Omit<Checkpoint, 'channel_values'>;
    const places = placesOf(entry, generation);
    const values = await Promise.all(
      Object.entries(places).map(async ([channel, place]): Promise<[string, unknown]> => {
        const own = place === generation ? entry.values[channel] : undefined;
        return [channel, await this.#value(own ?? (await this.#reading.value(channel, place)))];
      }),
    );
    const checkpoint = { ...rest, channel_values: Object.fromEntries(values) };
    return { checkpoint, kept: { versions: rest.channel_versions, places } };
  }

  async #value(written: Written): Promise<unknown> {
    return (await this.#serde.loadsTyped(written.type, writtenBytes(written))) as unknown;
  }
}

type WriteOrder = readonly [path: string, task: string, index: number];

/** As LangGraph's own comparator of them, texts by their code points. */
function compareWrites([pathA, taskA, indexA]: WriteOrder, [pathB, taskB, indexB]: WriteOrder): number {
  return compareTexts(pathA, pathB) || compareTexts(taskA, taskB) || indexA - indexB;
}

/** UTF-8 has the order of code points. */
function compareTexts(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}

/** Where the values of its channels stand. */
export function placesOf(entry: CheckpointEntry, generation: number): Record<string, number> {
  const own = Object.keys(entry.values).map((channel): [string, number] => [channel, generation]);
  return Object.fromEntries([...Object.entries(entry.kept), ...own]);
}

function addSends(
  checkpoint: Checkpoint,
  parentWrites: readonly CheckpointPendingWrite[],
  nextVersion: () => number,
): void {
  const sends = parentWrites.filter(([, channel]) => channel === TASKS).map(([, , value]) => value);
  const versions = Object.values(checkpoint.channel_versions);
  checkpoint.channel_values[TASKS] = sends;
  checkpoint.channel_versions[TASKS] = versions.length > 0 ? maxChannelVersion(...versions) : nextVersion();
}
