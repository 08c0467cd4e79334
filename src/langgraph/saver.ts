/** The checkpoint saver that LangGraph.js is given. */
import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointTuple,
  type PendingWrite,
  type SerializerProtocol,
  WRITES_IDX_MAP,
} from '@langchain/langgraph-checkpoint';
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { HoldfastError } from '../model/failure.ts';
import { type OptionNames, refuseUnknownOptions } from '../model/options.ts';
import { openStore } from '../store/sealed/open-store.ts';
import { deleteThread, prune, type SetAside, setAsideDamaged } from './deleting.ts';
import type { WritesEntry } from './document.ts';
import { listed } from './listing.ts';
import {
  type Config,
  configOf,
  namedCheckpoint,
  seriesOf,
  threadName,
  type ThreadName,
  threadOfSeries,
} from './names.ts';
import { channelText, dump, prepareCheckpoint } from './prepared.ts';
import { TypeKeepingSerializer } from './serializer.ts';
import { Thread } from './thread.ts';
import type { Classes } from './types/walk.ts';
import { patient, type ThreadStore } from './patient-store.ts';

/** Threads that were used last are remembered; of others everything is read again. */
const MAX_THREADS = 200;

/** What a `HoldfastSaver` may be made with. */
export interface HoldfastSaverOptions {
  /** How values are written. Default: one that keeps types or refuses them. Another one keeps what it keeps. */
  readonly serde?: SerializerProtocol;
  /**
   * Classes whose instances stand in the state, by the names that are written: `{ Document, Money }`. Their own
   * enumerable properties are kept; an instance is made without calling its constructor. Default: none.
   */
  readonly classes?: Classes;
  /**
   * How many of the newest checkpoints of a thread are kept, for each namespace; at least 3. Once there are twice as
   * many, the older ones are removed. Default: all are kept.
   */
  readonly keep?: number;
}

const OPTIONS: OptionNames<HoldfastSaverOptions> = { serde: true, classes: true, keep: true };
const MIN_KEPT = 3;

/**
 * Keeps the checkpoints of LangGraph.js in a folder or in PostgreSQL, sealed with checksums: each `put` is durable and
 * has been read back when it returns, and a damaged record is an error that names it, never an older state or none.
 *
 * ```ts
 * const checkpointer = HoldfastSaver.fromConnString('./checkpoints');
 * const graph = builder.compile({ checkpointer });
 * ```
 */
export class HoldfastSaver extends BaseCheckpointSaver {
  readonly #writer = `process ${process.pid} on ${hostname()} (saver ${randomBytes(4).toString('hex')})`;
  readonly #location: string;
  readonly #keep: number | undefined;
  readonly #threads = new Map<string, Thread>();
  #store: ThreadStore | undefined;

  /**
   * Opens nothing yet.
   * @param location a folder (`./checkpoints`, `/srv/checkpoints`, `file:…`) or a database (`postgres://…`)
   * @throws HoldfastError `bad-input` for a place that is none, and options that are unknown
   */
  constructor(location: string, options: HoldfastSaverOptions = {}) {
    refuseUnknownOptions('HoldfastSaver', options, OPTIONS);
    super(options.serde);
    const { keep } = options;
    if (keep !== undefined && !(Number.isInteger(keep) && keep >= MIN_KEPT))
      throw new HoldfastError(
        'bad-input',
        `HoldfastSaver: keep is ${String(keep)}. Expected a whole number of checkpoints, at least ${MIN_KEPT}.`,
      );
    this.#keep = keep;
    this.#location = location;
    this.#store = patient(openStore(location));
    if (options.serde === undefined) this.serde = new TypeKeepingSerializer(this.serde, options.classes);
  }

  /** The same as `new HoldfastSaver(…)`, by the name that LangGraph's other savers have for it. */
  static fromConnString(location: string, options: HoldfastSaverOptions = {}): HoldfastSaver {
    return new HoldfastSaver(location, options);
  }

  /**
   * Makes the folder or the tables now rather than at the first use. Safe to repeat.
   * @throws HoldfastError `permission-denied`, `storage-unreachable`, and others of the store
   */
  async setup(): Promise<void> {
    await this.#opened().series();
  }

  /** Ends what the saver holds open. Safe to repeat; a later use opens it again. */
  async end(): Promise<void> {
    const store = this.#store;
    this.#store = undefined;
    this.#threads.clear();
    await store?.close();
  }

  /**
   * A checkpoint with its pending writes: the one that is named, or the thread's latest. It is verified each time.
   * @returns undefined: the thread has none (of this id)
   * @throws HoldfastError `checkpoint-damaged` naming what is damaged and what can be loaded; `not-found`, naming the
   *   checkpoints that are there, for a run that is to go on from one that isn't
   */
  override async getTuple(config: Config): Promise<CheckpointTuple | undefined> {
    if (config.configurable?.['thread_id'] === undefined) return undefined;
    const thread = this.#thread(threadName(config, 'load a checkpoint'));
    const id = namedCheckpoint(config);
    const isRun = 'recursionLimit' in config;
    if (id === undefined) return thread.latest(isRun);
    const tuple = await thread.named(id);
    if (tuple !== undefined) return { ...tuple, config: configOf(thread.name, id) };
    // LangGraph would begin such a run anew. A plain question is answered as its interface says: there is none.
    return isRun ? await thread.refuseUnknown(id) : undefined;
  }

  /**
   * Checkpoints, newest first: of a thread, or of all threads one after the other.
   * @throws HoldfastError `checkpoint-damaged`, when it comes to one that can't be read
   */
  override async *list(config: Config, options: CheckpointListOptions = {}): AsyncGenerator<CheckpointTuple> {
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    const id = namedCheckpoint(config);
    for (const name of await this.#named(config)) {
      if (left <= 0) return;
      const listing = await this.#thread(name).listing();
      if (listing === undefined) continue;
      for await (const tuple of listed(listing, { ...options, id })) {
        yield tuple;
        left -= 1;
        if (left <= 0) return;
      }
    }
  }

  /**
   * Stores a checkpoint: durable and read back when this returns. Safe to repeat.
   * @throws HoldfastError `not-json` naming channel and path of a value that can't be kept as it is; `checkpoint-taken`
   *   naming both writers when another run went on from the same checkpoint; `not-found` for a parent that isn't there
   */
  override async put(
    config: Config,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions,
  ): Promise<Config> {
    const name = threadName(config, 'put a checkpoint');
    const parent = namedCheckpoint(config);
    const preparing = prepareCheckpoint({ parent, checkpoint, metadata, newVersions }, this.serde);
    preparing.catch(() => undefined);
    const thread = this.#thread(name);
    await thread.put(preparing);
    if (this.#keep !== undefined) await prune(this.#opened(), thread, this.#keep);
    return configOf(name, checkpoint.id);
  }

  /**
   * Stores what a task wrote after a checkpoint: durable and read back when this returns. Safe to repeat.
   * @param taskPath the task's place in its super-step, which newer versions of LangGraph give: it orders the writes
   * @throws HoldfastError `not-json` naming channel and path of a value that can't be kept as it is
   */
  override async putWrites(config: Config, writes: PendingWrite[], taskId: string, taskPath = ''): Promise<void> {
    const name = threadName(config, 'put writes');
    const checkpoint = namedCheckpoint(config);
    if (checkpoint === undefined)
      throw new HoldfastError(
        'bad-input',
        'Could not put writes: the configuration names no checkpoint. Expected configurable.checkpoint_id.',
      );
    const entry = this.#writesEntry(checkpoint, writes, [taskId, taskPath]);
    entry.catch(() => undefined);
    await this.#thread(name).add(entry);
  }

  /** Deletes a thread with its namespaces. A mark stays, so that nobody takes the thread for lost. Safe to repeat. */
  override async deleteThread(threadId: string): Promise<void> {
    const store = this.#opened();
    for (const name of await this.#named({ configurable: { thread_id: threadId } }))
      await deleteThread(store, this.#thread(name));
  }

  /**
   * Decides to go on without what can't be read of a thread: it is moved aside, never deleted, and the newest
   * checkpoint that can be read is the latest from now on. What tasks wrote there is lost, so they run again.
   * @param namespace of a graph within the graph. Default: the graph itself
   * @returns what was moved, and where it lies. Empty: everything can be read
   */
  async setAsideDamaged(threadId: string, namespace = ''): Promise<readonly SetAside[]> {
    const config = { configurable: { thread_id: threadId, checkpoint_ns: namespace } };
    const thread = this.#thread(threadName(config, 'set aside what is damaged'));
    return setAsideDamaged(this.#opened(), thread);
  }

  async #writesEntry(
    checkpoint: string,
    writes: readonly PendingWrite[],
    [task, path]: readonly [string, string],
  ): Promise<WritesEntry> {
    const values = await Promise.all(
      writes.map(async ([channel, value], at) => ({
        index: WRITES_IDX_MAP[channel] ?? at,
        channel,
        value: await dump(value, `what task ${task} wrote to ${channelText(channel)}`, this.serde),
      })),
    );
    return { is: 'writes', checkpoint, task, path, writer: this.#writer, writes: values };
  }

  /** The threads that a configuration means, in order. */
  async #named({ configurable = {} }: Config): Promise<readonly ThreadName[]> {
    const { thread_id: thread, checkpoint_ns: namespace } = configurable;
    if (thread !== undefined && namespace !== undefined) return [threadName({ configurable }, 'list checkpoints')];
    const names = (await this.#opened().series()).map(threadOfSeries);
    return names.filter(
      (name) =>
        name !== undefined &&
        (thread === undefined || name.thread === thread) &&
        (namespace === undefined || name.namespace === namespace),
    ) as readonly ThreadName[];
  }

  #thread(name: ThreadName): Thread {
    const store = this.#opened();
    const series = seriesOf(name);
    const thread =
      this.#threads.get(series) ??
      new Thread(store, name, {
        serde: this.serde,
        writer: this.#writer,
        nextVersion: () => this.getNextVersion(undefined),
      });
    this.#threads.delete(series);
    this.#threads.set(series, thread);
    if (this.#threads.size > MAX_THREADS) this.#forgetOldest();
    return thread;
  }

  #forgetOldest(): void {
    for (const [series, thread] of this.#threads)
      if (thread.isIdle) {
        this.#threads.delete(series);
        return;
      }
  }

  #opened(): ThreadStore {
    return (this.#store ??= patient(openStore(this.#location)));
  }
}
