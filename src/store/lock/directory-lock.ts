/**
 * One directory's lock within this process: one queue and one connection.
 *
 * Invariants
 * 1. The operating system holds it (an exclusive SQLite transaction on `lock.sqlite`): death releases it, time never
 *    does.
 * 2. Within the process waiters queue in order; between processes they back off. Nobody waits inside SQLite: that would
 *    stop the main loop, and with it heartbeats.
 * 3. The holder's lock is on the file that the path names now; that is checked after taking it, because another
 *    `.holdfast` may have been put there.
 */
import { join } from 'node:path';
import { HoldfastError } from '../../model/failure.ts';
import { faultPointAsync } from '../fault-point.ts';
import { tries, type PausePolicy } from '../retry.ts';
import { Beats } from './beats.ts';
import { LockedFile, MAX_REOPENINGS, replacedAgainAndAgain } from '../life/locked-file.ts';
import { findClaimedHolder, findHolder } from './holder.ts';
import { HolderFileWriter, type Holder, type Holding } from './holder-file.ts';
import { WaitQueue } from '../wait-queue.ts';
import { silenceText } from './silent-holder.ts';
import { HolderWatch } from './stillness.ts';

const FIRST_PAUSE_MS = 2;
const MAX_PAUSE_MS = 100;
/** Short waits end by themselves; only longer ones look who holds the lock. */
const LOOK_AFTER_MS = 300;

export interface HoldLimits {
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
}

export class DirectoryLock {
  /** How many openings share it. */
  openings = 0;
  readonly #directory: string;
  readonly #path: string;
  readonly #stillMs: number;
  readonly #beats: Beats;
  readonly #holderWatch: HolderWatch;
  readonly #queue = new WaitQueue();
  readonly #onUnused: () => void;
  #connection: LockedFile | undefined;
  #isTaken = false;

  /**
   * @param stillMs for how long a holder's beat must stand still before it may be ended
   * @param onUnused called when nothing of it is open any more
   */
  constructor(directory: string, stillMs: number, onUnused: () => void) {
    this.#directory = directory;
    this.#path = join(directory, 'lock.sqlite');
    this.#stillMs = stillMs;
    this.#onUnused = onUnused;
    const writer = new HolderFileWriter(directory);
    this.#beats = new Beats(directory, stillMs, writer);
    this.#holderWatch = new HolderWatch({ directory, lockPath: this.#path, stillMs }, writer);
  }

  async hold<T>(purpose: string, fn: () => Promise<T>, { waitMs, signal }: HoldLimits): Promise<T> {
    const startedMs = performance.now();
    signal?.throwIfAborted();
    if (this.#isTaken) await this.#queue.wait({ waitMs, signal, onTimeout: () => this.#busy(waitMs) });
    else this.#isTaken = true;
    try {
      await this.#acquire(startedMs, waitMs, signal);
      this.#beats.begin(purpose);
      try {
        await faultPointAsync('lock.taken');
        return await fn();
      } finally {
        this.#beats.end();
        this.#giveBack();
      }
    } finally {
      this.#letNextGoOn();
    }
  }

  closeIfUnused(): void {
    if (this.openings > 0 || this.#isTaken) return;
    this.#closeConnection();
    this.#beats.stop();
    this.#onUnused();
  }

  /** Whatever the file system says: what was done under the lock is done, and a closed connection holds nothing. */
  #giveBack(): void {
    try {
      this.#connection?.end();
    } catch {
      this.#closeConnection();
    }
  }

  #closeConnection(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  #letNextGoOn(): void {
    if (this.#queue.startNext()) return;
    this.#isTaken = false;
    this.closeIfUnused();
  }

  async #acquire(startedMs: number, waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    let reopenings = 0;
    for await (const _count of tries(pausesUntil(startedMs, waitMs), signal)) {
      while (this.#tryBegin()) {
        if (this.#isAtPath()) return;
        // Somebody put another `.holdfast` there: a lock on the old file protects nothing.
        this.#closeConnection();
        if (++reopenings > MAX_REOPENINGS) throw replacedAgainAndAgain(this.#path);
      }
      if (performance.now() - startedMs > LOOK_AFTER_MS) this.#holderWatch.endIfStopped();
    }
    throw this.#busy(waitMs);
  }

  /** After a failure the next try opens the file anew: SQLite goes on with a connection that can only read. */
  #tryBegin(): boolean {
    this.#connection ??= LockedFile.open(this.#path);
    return this.#orClosed(() => this.#connection?.tryBegin() === true);
  }

  /** The transaction is open: it ends with the connection where this can't be known. */
  #isAtPath(): boolean {
    return this.#orClosed(() => this.#connection!.isAtPath());
  }

  #orClosed<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      this.#closeConnection();
      throw error;
    }
  }

  #busy(waitedMs: number): HoldfastError {
    const own = this.#beats.holding;
    const holder = own === undefined ? this.#findHolder() : undefined;
    const { purpose, since } = own ?? holder?.holding ?? {};
    const what = purpose === undefined ? '' : ` (${purpose}, since ${since ?? 'unknown'})`;
    const silence = own === undefined ? silenceText(this.#directory, holder, this.#stillMs) : '';
    const waited = `${Math.round(waitedMs / 100) / 10} s`;
    return new HoldfastError(
      'busy',
      `The workspace "${this.#directory}" is held by ${nameOf(own, holder)}${what}; waited ${waited}.${silence}`,
      { directory: this.#directory, holder: { identity: holder?.identity, purpose, since } },
    );
  }

  #findHolder(): Holder | undefined {
    return findHolder(this.#directory, this.#path) ?? findClaimedHolder(this.#directory);
  }
}

function nameOf(own: Holding | undefined, holder: Holder | undefined): string {
  if (own !== undefined) return 'this process';
  if (holder === undefined) return 'another process';
  return `process ${holder.identity.pid} on ${holder.identity.host}`;
}

/** Jitter, so that waiters in several processes don't keep colliding. The last try comes right after the limit. */
function pausesUntil(startedMs: number, waitMs: number): PausePolicy {
  return (count) => {
    const waitedMs = performance.now() - startedMs;
    if (waitedMs >= waitMs) return undefined;
    const pauseMs = Math.min(FIRST_PAUSE_MS * 1.5 ** (count - 1), MAX_PAUSE_MS);
    return Math.min(pauseMs * (0.5 + Math.random()), waitMs - waitedMs + 1);
  };
}
