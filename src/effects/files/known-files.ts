/**
 * Which version of each file was hashed last, and what it held: what a quick look goes by (`verify: quick`), as git
 * goes by its index. A cache beside the record: without it every file is read.
 *
 * Invariants
 * 1. It speaks only of the folder that it was written for: of this machine, this very folder on its file system, and
 *    not of a time that the clock has not reached yet. Otherwise nothing is known.
 * 2. A file that was too young to be told from a later change when it was hashed is read again (`isStillAsHashed`).
 * 3. It is replaced as a whole; one that is torn or changed is not believed.
 */
import { lstatSync, readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { sha256Hex } from '../../model/digest.ts';
import { writeDurably } from '../../store/durable-file.ts';
import { COARSE_NS, grainNs } from './grain.ts';
import type { FileSighting, SeenFile } from './sighting.ts';

const FILE = 'known-files.json';
/** Half of what a file must be old, to be told from a later change. */
const CLOCKS_APART_MS = 50;

/** Inode, size, mode, modification and change time, names, when it was hashed; its content's digest. */
type Entry = readonly [string, number, number, string, string, number, number, string];

const HeadSchema = z.strictObject({
  schemaVersion: z.literal(1),
  /** Whose stamps they are. */
  machine: z.string(),
  /** The workspace's folder: a restored or copied one has another. */
  root: z.string(),
  savedAtMs: z.number(),
  /** Of the line that follows. */
  digest: z.string(),
});

export class KnownFiles {
  readonly #path: string;
  readonly #root: string;
  readonly #known: ReadonlyMap<string, Entry>;
  readonly #seen = new Map<string, Entry>();
  #unread = 0;

  private constructor(path: string, root: string, known: ReadonlyMap<string, Entry>) {
    this.#path = path;
    this.#root = root;
    this.#known = known;
  }

  /** @param directory Holdfast's own, in the workspace `root`. Never fails: then nothing is known */
  static load(directory: string, root: string): KnownFiles {
    const path = join(directory, FILE);
    return new KnownFiles(path, rootKey(root), readKnown(path, rootKey(root)));
  }

  /** How many files were taken for unchanged without being read. */
  get unread(): number {
    return this.#unread;
  }

  /** What was hashed of a file last. */
  get(path: string): SeenFile | undefined {
    const entry = this.#known.get(path);
    return entry === undefined ? undefined : sightingOf(entry);
  }

  /** What a look has told, to be known at the next one. */
  note(path: string, sighting: FileSighting): void {
    if (sighting.outcome !== 'seen' || sighting.stamp === undefined || sighting.state.kind !== 'file') return;
    const { inode, sizeBytes, mode, mtimeNs, ctimeNs, links, takenAtMs } = sighting.stamp;
    this.#seen.set(path, [inode, sizeBytes, mode, mtimeNs, ctimeNs, links, takenAtMs, sighting.state.content]);
  }

  /** Such a file was not read. */
  noteUnread(): void {
    this.#unread += 1;
  }

  /** Keeps what was noted, in place of what was known; nothing is written where the two are the same. */
  save(): void {
    if (this.#unread === this.#seen.size && this.#seen.size === this.#known.size) return;
    const line = JSON.stringify(Object.fromEntries(this.#seen));
    const head: z.infer<typeof HeadSchema> = {
      schemaVersion: 1,
      machine: hostname(),
      root: this.#root,
      savedAtMs: Date.now(),
      digest: sha256Hex(line),
    };
    writeDurably(this.#path, `${JSON.stringify(head)}\n${line}\n`, { mode: 0o600 });
  }
}

function readKnown(path: string, root: string): ReadonlyMap<string, Entry> {
  try {
    const [first = '', line = ''] = readFileSync(path, 'utf8').split('\n');
    const head = HeadSchema.parse(JSON.parse(first));
    const isOfHere = head.machine === hostname() && head.root === root && head.savedAtMs <= Date.now();
    if (!isOfHere || !isOfDisksClock(path, head.savedAtMs) || sha256Hex(line) !== head.digest) return new Map();
    return new Map(Object.entries(JSON.parse(line) as Readonly<Record<string, Entry>>));
  } catch {
    // Not there, or not to be read: every file is.
    return new Map();
  }
}

/**
 * Was it written by a clock that was not ahead of the one that stamps the files? With such a one a file that was young
 * when it was hashed seemed old.
 */
function isOfDisksClock(path: string, savedAtMs: number): boolean {
  const stat = statSync(path, { bigint: true });
  const roundingMs = grainNs(stat) === COARSE_NS ? Number(COARSE_NS / 1_000_000n) : CLOCKS_APART_MS;
  return savedAtMs - Number(stat.mtimeNs / 1_000_000n) <= roundingMs;
}

function sightingOf([inode, sizeBytes, mode, mtimeNs, ctimeNs, links, takenAtMs, content]: Entry): SeenFile {
  return {
    outcome: 'seen',
    state: { kind: 'file', sizeBytes, mode, content },
    stamp: { inode, sizeBytes, mode, mtimeNs, ctimeNs, links, takenAtMs },
  };
}

/** Device, inode and birth: a folder that was restored or copied is another one. */
function rootKey(root: string): string {
  const { dev, ino, birthtimeNs } = lstatSync(root, { bigint: true });
  return `${dev}:${ino}:${birthtimeNs}`;
}
