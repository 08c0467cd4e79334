/**
 * The workspace's lock: one holder at a time among all processes of a host.
 *
 * Invariants
 * 1. The operating system holds it: death releases it, time never does (see directory-lock.ts).
 * 2. Openings of the same directory within the process share one queue and one connection.
 * 3. A holder whose main loop has stopped may be ended by a waiter that has proved who it is (see stillness.ts); one
 *    whose main loop runs is never ended, however long it holds.
 * 4. Taking and releasing it writes nothing to the disk.
 */
import { mkdirSync, realpathSync } from 'node:fs';
import { HoldfastError } from '../../model/failure.ts';
import { OF_RECORD, storageError } from '../durable-file.ts';
import { atPoints } from '../fault-point.ts';
import { DirectoryLock } from './directory-lock.ts';

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
   * @throws HoldfastError `busy` naming the holder, `storage-failed`, `permission-denied`; the signal's reason; and
   * what `fn` throws
   */
  hold<T>(purpose: string, fn: () => Promise<T>, options?: HoldOptions): Promise<T>;
  /** No new holds by this opening; one that runs ends as usual. Safe to repeat. */
  close(): void;
}

const DEFAULT_WAIT_MS = 60_000;
const DEFAULT_STILL_MS = 30_000;

const openDirectories = new Map<string, DirectoryLock>();

/**
 * Opens the lock of a `.holdfast` directory, which is created if missing. Cheap; close it.
 * @throws HoldfastError `storage-failed`, `permission-denied`
 */
export function openWorkspaceLock(directory: string, options: LockOptions = {}): WorkspaceLock {
  try {
    atPoints('mkdir', () => mkdirSync(directory, { recursive: true, mode: 0o700 }));
  } catch (error) {
    throw storageError('create', directory, error, OF_RECORD);
  }
  const lock = lockOf(realpathSync.native(directory), options.stillMs ?? DEFAULT_STILL_MS);
  lock.openings += 1;
  let isClosed = false;
  return {
    hold(purpose, fn, { waitMs = DEFAULT_WAIT_MS, signal } = {}) {
      if (isClosed) return Promise.reject(new HoldfastError('defect', `The lock of "${directory}" is closed.`));
      return lock.hold(purpose, fn, { waitMs, signal });
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      lock.openings -= 1;
      lock.closeIfUnused();
    },
  };
}

function lockOf(directory: string, stillMs: number): DirectoryLock {
  const present = openDirectories.get(directory);
  if (present !== undefined) return present;
  const lock = new DirectoryLock(directory, stillMs, () => openDirectories.delete(directory));
  openDirectories.set(directory, lock);
  return lock;
}
