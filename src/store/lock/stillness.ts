/**
 * Ends a holder of the lock whose main loop has stopped.
 *
 * Invariants
 * 1. A holder counts as stopped only after *this* process has watched its beat stand still for the whole time, in
 *    slices of its own running time: after the host or both processes were frozen, nothing is taken for stopped.
 * 2. A process whose own last beat could not be written judges nobody: the disk may refuse the holder's beats as well.
 * 3. Only a holder that is proved is ended; one whose main loop runs never is, however long it holds.
 */
import { findHolder } from './holder.ts';
import type { Holder, HolderFileWriter } from './holder-file.ts';
import { sameProcess } from '../life/process-identity.ts';

/** A slice of watching counts at most this much: more means that the watcher itself was away. */
const MAX_SLICE_MS = 250;

/** Watches one holder's beat over several looks. */
export class StillnessWatch {
  #watched: Holder | undefined;
  #stillMs = 0;
  #lastLookMs = 0;

  /** @returns for how long the holder's main loop has been seen standing still. Look at least every 250 ms. */
  look(holder: Holder | undefined, nowMs: number): number {
    const isSame = holder !== undefined && this.#watched !== undefined && isSameBeat(holder, this.#watched);
    this.#stillMs = isSame ? this.#stillMs + Math.min(nowMs - this.#lastLookMs, MAX_SLICE_MS) : 0;
    this.#watched = holder;
    this.#lastLookMs = nowMs;
    return this.#stillMs;
  }
}

export interface WatchedLock {
  readonly directory: string;
  readonly lockPath: string;
  /** For how long a beat must stand still. */
  readonly stillMs: number;
}

export class HolderWatch {
  readonly #lock: WatchedLock;
  readonly #own: HolderFileWriter;
  readonly #watch = new StillnessWatch();

  constructor(lock: WatchedLock, own: HolderFileWriter) {
    this.#lock = lock;
    this.#own = own;
  }

  /** One look. Call it at least every 250 ms while waiting for the lock. */
  endIfStopped(): void {
    if (!this.#own.isWritten) this.#own.beat(null);
    const holder = this.#find();
    if (this.#watch.look(holder, performance.now()) < this.#lock.stillMs || holder === undefined) return;
    if (!this.#own.isWritten) return;
    // Once more, right before: still this process, still holding, still the same beat.
    const again = this.#find();
    if (again === undefined || !isSameBeat(again, holder)) return;
    try {
      process.kill(holder.identity.pid, 'SIGKILL');
    } catch {
      // Not permitted, or gone: then waiting goes on, and ends in `busy` at worst.
    }
  }

  #find(): Holder | undefined {
    return findHolder(this.#lock.directory, this.#lock.lockPath);
  }
}

function isSameBeat(a: Holder, b: Holder): boolean {
  return sameProcess(a.identity, b.identity) && a.beat === b.beat;
}
