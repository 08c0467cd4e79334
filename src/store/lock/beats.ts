/**
 * This process's beats while it uses the lock, and what a long hold is for.
 *
 * Invariant: an idle process writes nothing; neither does taking and releasing the lock, once the beats run.
 */
import { removeDeadHolders, type HolderFileWriter, type Holding } from './holder-file.ts';

const BEATS_PER_STILLNESS = 6;
/** A hold that lasts longer than this is announced to waiters. */
const ANNOUNCE_AFTER_MS = 200;

export class Beats {
  readonly #directory: string;
  readonly #intervalMs: number;
  readonly #writer: HolderFileWriter;
  #held: { readonly purpose: string; readonly sinceMs: number } | undefined;
  #isAnnounced = false;
  #timer: NodeJS.Timeout | undefined;
  #announcing: NodeJS.Timeout | undefined;
  #usedSinceBeat = false;

  /** @param stillMs after which a holder that does not beat may be ended */
  constructor(directory: string, stillMs: number, writer: HolderFileWriter) {
    this.#directory = directory;
    this.#intervalMs = stillMs / BEATS_PER_STILLNESS;
    this.#writer = writer;
  }

  /** What this process holds the lock for now. */
  get holding(): Holding | undefined {
    if (this.#held === undefined) return undefined;
    return { purpose: this.#held.purpose, since: new Date(this.#held.sinceMs).toISOString() };
  }

  /** The lock is held from now on. */
  begin(purpose: string): void {
    this.#held = { purpose, sinceMs: Date.now() };
    this.#usedSinceBeat = true;
    if (this.#timer === undefined) {
      removeDeadHolders(this.#directory);
      this.#writer.beat(null);
      this.#timer = setInterval(() => this.#beat(), this.#intervalMs);
      this.#timer.unref();
    }
    this.#announcing = setTimeout(() => this.#announce(), ANNOUNCE_AFTER_MS);
    this.#announcing.unref();
  }

  /** The hold is over. */
  end(): void {
    clearTimeout(this.#announcing);
    this.#held = undefined;
    if (!this.#isAnnounced) return;
    this.#isAnnounced = false;
    this.#writer.beat(null);
  }

  /** No beats and no file any more, until the next hold. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#writer.remove();
  }

  #beat(): void {
    if (this.#held === undefined && !this.#usedSinceBeat) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    this.#usedSinceBeat = false;
    this.#writer.beat(this.#announcement());
  }

  #announce(): void {
    this.#isAnnounced = true;
    this.#writer.beat(this.#announcement());
  }

  #announcement(): Holding | null {
    return this.#isAnnounced ? (this.holding ?? null) : null;
  }
}
