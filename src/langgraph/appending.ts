/**
 * Adds to a thread, one generation after the other.
 *
 * Invariants
 * 1. Whoever waits for an addition hears of it when it is durable and was read back, or why it isn't.
 * 2. A generation holds what waits at that moment, with at most one checkpoint: LangGraph writes a task's results and
 *    the checkpoint after them at once, and they cost one durable write.
 * 3. Nothing is put past what another writer has put: it is read first, and what it forbids is refused.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Json } from '../model/canonical-json.ts';
import { defined } from '../model/defined.ts';
import { isFailure } from '../model/failure.ts';
import { seal } from '../store/sealed/seal.ts';
import { type Entry, headAfter, type ThreadDocument } from './document.ts';
import type { KnownThread } from './known.ts';
import { seriesOf } from './names.ts';
import type { ThreadStore } from './patient-store.ts';

/** So many additions go into one generation. */
const MAX_ENTRIES = 64;
/** How often another writer may come first before it is called busy. */
const MAX_OVERTAKEN = 100;
interface Addition {
  readonly isCheckpoint: boolean;
  /** Makes the entry for the thread as it is now; asked again when another writer came first. */
  readonly entry: () => Promise<Entry>;
  readonly done: PromiseWithResolvers<void>;
}

/** The additions of one process to one thread. */
export class Appending {
  readonly #store: ThreadStore;
  readonly #known: KnownThread;
  readonly #writer: string;
  readonly #waiting: Addition[] = [];
  #isRunning = false;

  constructor(store: ThreadStore, known: KnownThread, writer: string) {
    this.#store = store;
    this.#known = known;
    this.#writer = writer;
  }

  get isIdle(): boolean {
    return !this.#isRunning;
  }

  /** Resolves when it is durable. In the order of the calls. */
  async add(isCheckpoint: boolean, entry: () => Promise<Entry>): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#waiting.push({ isCheckpoint, entry, done });
    if (!this.#isRunning) void this.#run();
    return done.promise;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      await turn();
      const some = this.#waiting.splice(0, this.#fitting());
      try {
        await this.#putAll(some);
      } catch (error) {
        for (const { done } of some) done.reject(error);
      }
    }
    this.#isRunning = false;
  }

  /** How many of those that wait go into one generation. */
  #fitting(): number {
    const first = this.#waiting.findIndex(({ isCheckpoint }) => isCheckpoint);
    const second = this.#waiting.findIndex(({ isCheckpoint }, index) => isCheckpoint && index > first);
    return Math.min(MAX_ENTRIES, first < 0 || second < 0 ? this.#waiting.length : second);
  }

  async #putAll(additions: readonly Addition[]): Promise<void> {
    if (this.#known.newest < 0) await this.#known.catchUp();
    let waiting = additions;
    for (let overtaken = 0; ; overtaken++) {
      const admitted = await admittedOf(waiting);
      if (admitted.length === 0) return;
      const document = await this.#document(admitted.map(({ entry }) => entry));
      try {
        await this.#put(document);
        this.#known.took(document);
        for (const { addition } of admitted) addition.done.resolve();
        return;
      } catch (error) {
        if (!isFailure(error, 'checkpoint-taken') || overtaken >= MAX_OVERTAKEN) throw error;
        await this.#known.catchUp();
        waiting = admitted.map(({ addition }) => addition);
      }
    }
  }

  async #document(added: readonly Entry[]): Promise<ThreadDocument> {
    const { name, newest } = this.#known;
    const generation = newest + 1;
    const head = headAfter(await this.#known.head(), added, generation);
    // Nothing of what was deleted stays.
    const deletedAt = added.findLastIndex(({ is }) => is === 'deleted');
    const entries = added.slice(Math.max(deletedAt, 0));
    const before = deletedAt < 0 ? this.#known.before : undefined;
    return defined({ ...name, generation, entries, before, head });
  }

  async #put(document: ThreadDocument): Promise<void> {
    const sealed = seal({ kind: 'langgraph', document: document as unknown as Json, writer: this.#writer });
    await this.#store.put(seriesOf(this.#known.name), document.generation, sealed);
  }
}

interface Admitted {
  readonly addition: Addition;
  readonly entry: Entry;
}

/** Those that may be put; whoever waits for another is told why not. */
async function admittedOf(additions: readonly Addition[]): Promise<readonly Admitted[]> {
  const admitted: Admitted[] = [];
  for (const addition of additions)
    try {
      admitted.push({ addition, entry: await addition.entry() });
    } catch (error) {
      addition.done.reject(error);
    }
  return admitted;
}
