/**
 * The workspace's lock: one holder at a time among all processes of a host.
 *
 * Invariants
 * 1. The operating system holds it (an exclusive SQLite transaction on `lock.sqlite`): death releases it, time never does.
 * 2. Within the process waiters queue in order; between processes they back off. Nobody waits inside SQLite: that would
 *    stop the main loop, and with it heartbeats.
 * 3. Whoever has it, has it on the file that is at the path now, not on one that was moved away.
 * 4. A holder whose main loop has stopped may be ended by a waiter that has proved who it is (see lock-holder.ts); one
 *    whose main loop runs is never ended, however long it holds.
 * 5. Taking and releasing it writes nothing to the disk.
 */
import { lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { HoldfastError } from '../../model/failure.ts';
import { storageError } from '../durable-file.ts';
import { atPoints, faultPointAsync } from '../fault-point.ts';
import {
  findClaimedHolder,
  findHolder,
  HolderFileWriter,
  removeDeadHolders,
  StillnessWatch,
  type Holder,
  type Holding,
} from './holder.ts';

export interface HoldOptions {
  /** Milliseconds until `busy`. Default 60 s. */
  readonly waitMs?: number;
  /** Ends the wait (never the work) with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface LockOptions {
  /** Milliseconds for which a holder's main loop must be seen standing still before it may be ended. Default 30 s. */
  readonly stillMs?: number;
}

export interface WorkspaceLock {
  /**
   * Runs `fn` while holding the lock. Not re-entrant.
   * @throws HoldfastError `busy` naming the holder, `storage-failed`, `permission-denied`, or the signal's reason; and what `fn` throws
   */
  hold<T>(purpose: string, fn: () => Promise<T>, options?: HoldOptions): Promise<T>;
  /** No new holds by this opening; one that runs ends as usual. */
  close(): void;
}

const DEFAULT_WAIT_MS = 60_000;
const DEFAULT_STILL_MS = 30_000;
const FIRST_PAUSE_MS = 2;
const MAX_PAUSE_MS = 100;
/** A hold that lasts longer than this is announced to waiters. */
const ANNOUNCE_AFTER_MS = 200;
/** Short waits end by themselves; only longer ones look who holds it. */
const LOOK_AFTER_MS = 300;
const BEATS_PER_STILLNESS = 6;
const MAX_REOPENINGS = 10;

/** One queue and one connection a directory: openings of the same directory within the process share them. */
const openDirectories = new Map<string, DirectoryLock>();

/**
 * Opens the lock of a `.holdfast` directory, which is created if missing. Cheap; close it.
 * @throws HoldfastError `storage-failed`, `permission-denied`
 */
export function openWorkspaceLock(directory: string, options: LockOptions = {}): WorkspaceLock {
  try {
    atPoints('mkdir', () => mkdirSync(directory, { recursive: true }));
  } catch (error) {
    throw storageError('create', directory, error);
  }
  const key = realpathSync.native(directory);
  const lock = openDirectories.get(key) ?? new DirectoryLock(key, options.stillMs ?? DEFAULT_STILL_MS);
  openDirectories.set(key, lock);
  lock.openings += 1;
  let isClosed = false;
  return {
    hold(purpose, fn, holdOptions = {}) {
      if (isClosed) return Promise.reject(new HoldfastError('defect', `The lock of "${directory}" is closed.`));
      return lock.hold(purpose, fn, holdOptions);
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      lock.openings -= 1;
      lock.closeIfUnused();
    },
  };
}

interface Waiter {
  readonly start: () => void;
}

class DirectoryLock {
  openings = 0;
  readonly #directory: string;
  readonly #path: string;
  readonly #stillMs: number;
  readonly #writer: HolderFileWriter;
  readonly #watch = new StillnessWatch();
  readonly #queue: Waiter[] = [];
  #connection: LockConnection | undefined;
  #isTaken = false;
  #holding: { readonly purpose: string; readonly sinceMs: number } | undefined;
  #isAnnounced = false;
  #beats: NodeJS.Timeout | undefined;
  #usedSinceBeat = false;

  constructor(directory: string, stillMs: number) {
    this.#directory = directory;
    this.#path = join(directory, 'lock.sqlite');
    this.#stillMs = stillMs;
    this.#writer = new HolderFileWriter(directory);
  }

  async hold<T>(purpose: string, fn: () => Promise<T>, options: HoldOptions): Promise<T> {
    const startedMs = performance.now();
    const waitMs = options.waitMs ?? DEFAULT_WAIT_MS;
    options.signal?.throwIfAborted();
    if (this.#isTaken) await this.#queueUp(waitMs, options.signal);
    else this.#isTaken = true;
    try {
      await this.#acquire(startedMs, waitMs, options.signal);
      this.#begin(purpose);
      const announcement = setTimeout(() => this.#announce(), ANNOUNCE_AFTER_MS);
      announcement.unref();
      try {
        await faultPointAsync('lock.taken');
        return await fn();
      } finally {
        clearTimeout(announcement);
        this.#end();
      }
    } finally {
      this.#next();
    }
  }

  closeIfUnused(): void {
    if (this.openings > 0 || this.#isTaken) return;
    clearInterval(this.#beats);
    this.#connection?.close();
    this.#connection = undefined;
    this.#writer.remove();
    openDirectories.delete(this.#directory);
  }

  #queueUp(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (error: Error): void => {
        this.#queue.splice(this.#queue.indexOf(waiter), 1);
        settle();
        reject(error);
      };
      const onAbort = (): void => leave(signal?.reason as Error);
      const timer = setTimeout(() => leave(this.#busy(waitMs)), waitMs);
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        start: () => {
          settle();
          resolve();
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#queue.push(waiter);
    });
  }

  #next(): void {
    const waiter = this.#queue.shift();
    if (waiter !== undefined) return waiter.start();
    this.#isTaken = false;
    this.closeIfUnused();
  }

  async #acquire(startedMs: number, waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    let reopenings = 0;
    for (;;) {
      this.#connection ??= openConnection(this.#path);
      if (this.#connection?.tryBegin() === true) {
        if (this.#connection.isAtPath()) return;
        // Somebody put another `.holdfast` there: a lock on the old file protects nothing.
        this.#connection.close();
        this.#connection = undefined;
        if (++reopenings > MAX_REOPENINGS)
          throw new HoldfastError('storage-failed', `"${this.#path}" is replaced again and again.`, {
            path: this.#path,
          });
        continue;
      }
      const waitedMs = performance.now() - startedMs;
      if (waitedMs > LOOK_AFTER_MS) this.#endIfStopped();
      if (waitedMs >= waitMs) throw this.#busy(waitMs);
      // Jitter, so that waiters in several processes don't keep colliding.
      await sleep(
        Math.min(pauseMs * (0.5 + Math.random()), waitMs - waitedMs + 1),
        undefined,
        signal ? { signal } : {},
      ).catch((error: unknown) => {
        throw signal?.aborted === true ? signal.reason : error;
      });
      pauseMs = Math.min(pauseMs * 1.5, MAX_PAUSE_MS);
    }
  }

  #endIfStopped(): void {
    if (!this.#writer.isWritten) this.#writer.beat(null);
    const holder = findHolder(this.#directory, this.#path);
    if (this.#watch.look(holder, performance.now()) < this.#stillMs || holder === undefined) return;
    if (!this.#writer.isWritten) return;
    // Once more, right before: still this process, still holding, still the same beat.
    const again = findHolder(this.#directory, this.#path);
    if (
      again === undefined ||
      again.identity.pid !== holder.identity.pid ||
      again.identity.startTime !== holder.identity.startTime ||
      again.beat !== holder.beat
    )
      return;
    try {
      process.kill(holder.identity.pid, 'SIGKILL');
    } catch {
      // Not permitted, or gone: then waiting goes on, and ends in `busy` at worst.
    }
  }

  #begin(purpose: string): void {
    this.#holding = { purpose, sinceMs: Date.now() };
    this.#usedSinceBeat = true;
    if (this.#beats !== undefined) return;
    removeDeadHolders(this.#directory);
    this.#writer.beat(null);
    this.#beats = setInterval(() => this.#beat(), this.#stillMs / BEATS_PER_STILLNESS);
    this.#beats.unref();
  }

  #end(): void {
    this.#holding = undefined;
    if (this.#isAnnounced) {
      this.#isAnnounced = false;
      this.#writer.beat(null);
    }
    this.#connection?.end();
  }

  /** Beats while the lock is in use; an idle process writes nothing. */
  #beat(): void {
    if (this.#holding === undefined && !this.#usedSinceBeat) {
      clearInterval(this.#beats);
      this.#beats = undefined;
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
    if (!this.#isAnnounced || this.#holding === undefined) return null;
    return { purpose: this.#holding.purpose, since: new Date(this.#holding.sinceMs).toISOString() };
  }

  #busy(waitedMs: number): HoldfastError {
    const own = this.#holding && {
      identity: undefined,
      purpose: this.#holding.purpose,
      since: new Date(this.#holding.sinceMs).toISOString(),
    };
    const other = own ? undefined : (findHolder(this.#directory, this.#path) ?? findClaimedHolder(this.#directory));
    const details = own ?? describeHolder(other);
    const by = own
      ? 'this process'
      : details.identity
        ? `process ${details.identity.pid} on ${details.identity.host}`
        : 'another process';
    const what = details.purpose === undefined ? '' : ` (${details.purpose}, since ${details.since ?? 'unknown'})`;
    return new HoldfastError(
      'busy',
      `The workspace "${this.#directory}" is held by ${by}${what}; waited ${Math.round(waitedMs / 100) / 10} s.`,
      { directory: this.#directory, holder: details },
    );
  }
}

function describeHolder(holder: Holder | undefined): {
  identity?: Holder['identity'] | undefined;
  purpose?: string | undefined;
  since?: string | undefined;
} {
  return { identity: holder?.identity, purpose: holder?.holding?.purpose, since: holder?.holding?.since };
}

/** A connection to the lock file, of which it knows the inode. It holds the lock by an open exclusive transaction. */
class LockConnection {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #inode: string;
  readonly #begin: StatementSync;
  readonly #rollback: StatementSync;

  constructor(path: string, database: DatabaseSync, inode: string) {
    this.#path = path;
    this.#database = database;
    this.#inode = inode;
    this.#begin = database.prepare('BEGIN EXCLUSIVE');
    this.#rollback = database.prepare('ROLLBACK');
  }

  /** False: somebody else has it. */
  tryBegin(): boolean {
    try {
      this.#begin.run();
      return true;
    } catch (error) {
      if (isSqliteBusy(error)) return false;
      throw lockFailure(this.#path, error);
    }
  }

  isAtPath(): boolean {
    return inodeAt(this.#path) === this.#inode;
  }

  end(): void {
    this.#rollback.run();
  }

  close(): void {
    this.#database.close();
  }
}

/**
 * SQLite doesn't tell which file it has opened, and this process must not open the file beside it. A file that is the
 * same before and after the opening is the one that was opened. Undefined: busy this moment.
 */
function openConnection(path: string): LockConnection | undefined {
  for (let attempt = 0; attempt < MAX_REOPENINGS; attempt++) {
    const before = inodeAt(path);
    let database: DatabaseSync | undefined;
    try {
      // No waiting inside SQLite; nothing is ever written, so no journal is needed.
      database = new DatabaseSync(path, { timeout: 0 });
      database.prepare('PRAGMA journal_mode = MEMORY').get();
      if (before !== undefined && inodeAt(path) === before) return new LockConnection(path, database, before);
    } catch (error) {
      database?.close();
      if (isSqliteBusy(error)) return undefined;
      throw lockFailure(path, error);
    }
    database.close();
  }
  throw new HoldfastError('storage-failed', `"${path}" is replaced again and again.`, { path });
}

function inodeAt(path: string): string | undefined {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (!stat.isFile())
    throw new HoldfastError('storage-failed', `"${path}" is not a regular file. Expected the workspace's lock.`, {
      path,
    });
  return `${stat.dev}:${stat.ino}`;
}

/** SQLite's primary result codes (sqlite.org/rescode.html). */
const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
const SQLITE_CANTOPEN = 14;

function sqliteCode(error: unknown): number | undefined {
  const code: unknown = (error as { errcode?: unknown }).errcode;
  return typeof code === 'number' ? code & 0xff : undefined;
}

function isSqliteBusy(error: unknown): boolean {
  return sqliteCode(error) === SQLITE_BUSY;
}

function lockFailure(path: string, error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const code = sqliteCode(error);
  const denied = code === SQLITE_READONLY || code === SQLITE_CANTOPEN;
  const text = error instanceof Error ? error.message : String(error);
  return new HoldfastError(
    denied ? 'permission-denied' : 'storage-failed',
    `Could not lock "${path}": ${text}.`,
    { path },
    { cause: error },
  );
}
