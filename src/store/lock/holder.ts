/**
 * Who holds a workspace's lock, as far as it can be proved, and whether its main loop still runs.
 *
 * Each process that takes the lock keeps one small file, `holders/<pid>-<start time>.json`: who it is, and a number that
 * its main loop raises while it uses the lock (the beat). Waiters watch that number.
 *
 * Invariants
 * 1. Who holds the lock is the kernel's word (/proc/<pid>/fdinfo), never a file's. Where the kernel doesn't say, nobody
 *    is ended.
 * 2. A holder counts as stopped only after *this* process has watched its beat stand still for the whole time, in slices
 *    of its own running time: after the host or both processes were frozen, nothing is taken for stopped.
 * 3. The lock file itself is never opened here: closing it would drop this process's own POSIX locks on it.
 * 4. A process whose own last beat could not be written judges nobody: the disk may refuse the holder's beats as well.
 */
import { mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as z from 'zod';
import { tryUnlink } from '../durable-file.ts';
import {
  isAlive,
  isOnThisHost,
  ProcessIdentitySchema,
  sameProcess,
  thisProcess,
  type ProcessIdentity,
} from './process-identity.ts';

const HolderFileSchema = z.strictObject({
  schemaVersion: z.literal(1),
  identity: ProcessIdentitySchema,
  beat: z.int(),
  /** What the lock is held for, when that took long enough to be worth writing. */
  holding: z.strictObject({ purpose: z.string(), since: z.string() }).nullable(),
});
type HolderFile = z.infer<typeof HolderFileSchema>;
export type Holding = NonNullable<HolderFile['holding']>;

export interface Holder {
  readonly identity: ProcessIdentity;
  readonly beat: number;
  readonly holding: Holding | null;
}

/** SQLite's SHARED_FIRST: a write lock on this byte is an exclusive transaction (sqlite3/os_unix.c). */
const SHARED_FIRST = 0x40000002;
/** A slice of watching counts at most this much: more means that the watcher itself was away. */
const MAX_SLICE_MS = 250;

/** This process's own file. */
export class HolderFileWriter {
  readonly #path: string;
  readonly #directory: string;
  #beat = 0;
  #isWritten = false;

  constructor(directory: string) {
    const { pid, startTime } = thisProcess();
    this.#directory = join(directory, 'holders');
    this.#path = join(this.#directory, `${pid}-${startTime}.json`);
  }

  /** Did the last beat reach the disk? */
  get isWritten(): boolean {
    return this.#isWritten;
  }

  beat(holding: Holding | null): void {
    this.#beat += 1;
    const content: HolderFile = { schemaVersion: 1, identity: thisProcess(), beat: this.#beat, holding };
    try {
      writeFileSync(this.#path, JSON.stringify(content), { mode: 0o644 });
      this.#isWritten = true;
    } catch {
      this.#isWritten = this.#writeInNewDirectory(content);
    }
  }

  remove(): void {
    tryUnlink(this.#path);
    this.#isWritten = false;
  }

  #writeInNewDirectory(content: HolderFile): boolean {
    try {
      mkdirSync(this.#directory, { recursive: true });
      writeFileSync(this.#path, JSON.stringify(content), { mode: 0o644 });
      return true;
    } catch {
      // A beat that stands still could get a live process ended; without the file nobody can prove who it is.
      tryUnlink(this.#path);
      return false;
    }
  }
}

/** The process that holds the lock by the kernel's word, and of which its own file tells who it is. */
export function findHolder(directory: string, lockPath: string): Holder | undefined {
  return readHolders(directory).find(({ identity }) => isAlive(identity) && holdsLock(identity.pid, lockPath));
}

/** Where the kernel doesn't tell: whoever says that it holds the lock. Good enough for a message, not for a verdict. */
export function findClaimedHolder(directory: string): Holder | undefined {
  return readHolders(directory).find(({ holding }) => holding !== null);
}

/** Files of processes that are proved dead. Called by whoever holds the lock. */
export function removeDeadHolders(directory: string): void {
  for (const { identity } of readHolders(directory)) {
    if (isOnThisHost(identity) && !isAlive(identity))
      tryUnlink(join(directory, 'holders', `${identity.pid}-${identity.startTime}.json`));
  }
}

/** Watches one holder's beat over several looks. */
export class StillnessWatch {
  #watched: Holder | undefined;
  #stillMs = 0;
  #lastLookMs = 0;

  /** @returns for how long the holder's main loop has been seen standing still. Look at least every 250 ms. */
  look(holder: Holder | undefined, nowMs: number): number {
    const isSame =
      holder !== undefined &&
      this.#watched !== undefined &&
      sameProcess(holder.identity, this.#watched.identity) &&
      holder.beat === this.#watched.beat;
    this.#stillMs = isSame ? this.#stillMs + Math.min(nowMs - this.#lastLookMs, MAX_SLICE_MS) : 0;
    this.#watched = holder;
    this.#lastLookMs = nowMs;
    return this.#stillMs;
  }
}

function readHolders(directory: string): readonly Holder[] {
  const holders: Holder[] = [];
  let names: readonly string[];
  try {
    names = readdirSync(join(directory, 'holders'));
  } catch {
    return [];
  }
  for (const name of names) {
    try {
      holders.push(HolderFileSchema.parse(JSON.parse(readFileSync(join(directory, 'holders', name), 'utf8'))));
    } catch {
      // Being written this moment, or not ours: it proves nothing.
    }
  }
  return holders;
}

/**
 * Does a file that the process has open carry the exclusive lock on this one? The kernel lists an open file's locks as
 * `lock: 1: POSIX  ADVISORY  WRITE 1234 fe:00:5678 1073741824 1073742335`. (/proc/locks would name the file only by a
 * device that on Btrfs is not the one that stat tells.)
 */
function holdsLock(pid: number, lockPath: string): boolean {
  try {
    const lock = statSync(lockPath);
    return readdirSync(`/proc/${pid}/fd`).some((descriptor) => {
      try {
        // The name first: stat of whatever else it has open could wait for a server that is away.
        if (basename(readlinkSync(`/proc/${pid}/fd/${descriptor}`)) !== basename(lockPath)) return false;
        const open = statSync(`/proc/${pid}/fd/${descriptor}`);
        return (
          open.dev === lock.dev &&
          open.ino === lock.ino &&
          listsExclusiveLock(readFileSync(`/proc/${pid}/fdinfo/${descriptor}`, 'latin1'))
        );
      } catch {
        return false;
      }
    });
  } catch {
    // Another user's process, another system, or it has just ended: the kernel doesn't say.
    return false;
  }
}

function listsExclusiveLock(fdinfo: string): boolean {
  return [...fdinfo.matchAll(/^lock:.*POSIX\s+ADVISORY\s+WRITE\s+\d+\s+\S+\s+(\d+)\s+(\d+|EOF)$/gm)].some(
    ([, first, last]) => Number(first) <= SHARED_FIRST && (last === 'EOF' || Number(last) >= SHARED_FIRST),
  );
}
