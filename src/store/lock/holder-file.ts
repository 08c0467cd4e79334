/**
 * The small file of each process that takes the lock, `holders/<pid>-<start time>.json`: who the process is, and a
 * number that its main loop raises while it uses the lock (the beat). Waiters watch that number.
 *
 * Invariants
 * 1. A file proves nothing by itself: who holds the lock is the kernel's word (see holder.ts).
 * 2. The lock file itself is never opened here: closing it would drop this process's own POSIX locks on it.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { diskNowMs, fileAgeMs } from '../disk-clock.ts';
import { tryUnlink } from '../durable-file.ts';
import {
  countsHere,
  isGone,
  ProcessIdentitySchema,
  thisProcess,
  type ProcessIdentity,
} from '../life/process-identity.ts';

const HolderFileSchema = z.strictObject({
  schemaVersion: z.literal(1),
  identity: ProcessIdentitySchema,
  beat: z.int(),
  /** What the lock is held for, when that took long enough to be worth writing. */
  holding: z.strictObject({ purpose: z.string(), since: z.string() }).nullable(),
});
type HolderFile = z.infer<typeof HolderFileSchema>;

const OLD_MS = 3_600_000;

export type Holding = NonNullable<HolderFile['holding']>;

export interface Holder {
  readonly identity: ProcessIdentity;
  readonly beat: number;
  readonly holding: Holding | null;
}

/** This process's own file. */
export class HolderFileWriter {
  readonly #path: string;
  readonly #directory: string;
  #beat = 0;
  #isWritten = false;

  constructor(directory: string) {
    this.#directory = holdersIn(directory);
    this.#path = join(this.#directory, fileName(thisProcess()));
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
      // Not the folder around it: where the whole record was taken away, nothing is made in its place.
      mkdirSync(this.#directory);
      writeFileSync(this.#path, JSON.stringify(content), { mode: 0o644 });
      return true;
    } catch {
      // A beat that stands still could get a live process ended; without the file nobody can prove who it is.
      tryUnlink(this.#path);
      return false;
    }
  }
}

/** What all processes say that have a file. One that is being written this moment, or is not ours, is omitted. */
export function readHolders(directory: string): readonly Holder[] {
  const holders: Holder[] = [];
  for (const name of namesIn(holdersIn(directory))) {
    try {
      const text = readFileSync(join(holdersIn(directory), name), 'utf8');
      holders.push(HolderFileSchema.parse(JSON.parse(text)));
    } catch {
      // It proves nothing.
    }
  }
  return holders;
}

/** When a process last raised its beat, and how long ago, by the clock of the disk. Undefined: its file is gone. */
export function lastSignOf(
  directory: string,
  identity: ProcessIdentity,
): { readonly at: Date; readonly agoMs: number } | undefined {
  const path = join(holdersIn(directory), fileName(identity));
  const at = statSync(path, { throwIfNoEntry: false })?.mtime;
  return at === undefined ? undefined : { at, agoMs: diskNowMs(holdersIn(directory)) - at.getTime() };
}

/**
 * Removes files of processes that are proved dead. Of another container none can be: its file goes when it is old,
 * since a process that uses the lock writes its own again with its next beat. Called by whoever holds the lock.
 */
export function removeDeadHolders(directory: string): void {
  for (const { identity } of readHolders(directory)) {
    const path = join(holdersIn(directory), fileName(identity));
    if (isGone(identity) || (!countsHere(identity) && isOld(path))) tryUnlink(path);
  }
}

function isOld(path: string): boolean {
  return (fileAgeMs(path) ?? 0) > OLD_MS;
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function holdersIn(directory: string): string {
  return join(directory, 'holders');
}

function fileName({ pid, startTime }: ProcessIdentity): string {
  return `${pid}-${startTime}.json`;
}
