/**
 * Looks at files, synchronously: what both the main thread (for a few small ones) and the hash workers do.
 *
 * Invariants
 * 1. Looking changes nothing, follows no symbolic link at a path's end and none that leads out of the workspace, and
 *    never waits (a FIFO is recognised, not opened).
 * 2. What is reported as a file's content was its content at one moment: a file that changes under the reader is read
 *    again, and in the end reported as unreadable.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, type BigIntStats } from 'node:fs';
import type { Digest } from '../../model/digest.ts';
import { ABSENT } from '../../model/record/world.ts';
import { CHUNK_BYTES, hashFileSync } from '../../store/chunks.ts';
import { FolderPlaces } from './folder-places.ts';
import { COARSE_NS, grainNs } from './grain.ts';
import { folderOf, nameOf } from './path.ts';
import {
  isSameVersion,
  isStillAsHashed,
  sightingOfError,
  stampOf,
  unreadable,
  type FileSighting,
  type SeenFile,
} from './sighting.ts';
import { fileState, inodeKey, stateWithoutContent, tryStatOf } from './stat.ts';
import type { FileView } from './workspace.ts';

const SMALL_BUFFER_BYTES = 16 * 1024;
const MAX_LOOKS = 4;
const PAUSE_BETWEEN_LOOKS_MS = 15;
/** A file that was written this short a time ago may be written again without its times changing. */
const YOUNG_MS = 20;
const IN_A_DATABASE = 'it belongs to a declared database';

export interface LookOptions {
  /** A larger file is not read. Default: no limit. */
  readonly maxBytes?: number;
  /** The path is free of symbolic links: a file that the kernel says was opened elsewhere has been swapped in. */
  readonly expectedReal?: boolean;
}

/** Looks at paths of one workspace. Keeps a buffer and the places of folders: use it for one batch, then drop it. */
export class FileLooker {
  readonly #view: FileView;
  readonly #folders: FolderPlaces;
  #buffer: Buffer | undefined;

  constructor(view: FileView) {
    this.#view = view;
    this.#folders = new FolderPlaces(view);
  }

  /**
   * @param path normal
   * @param maxBytes a larger file is not read: undefined
   */
  look(path: string, maxBytes = Number.POSITIVE_INFINITY): FileSighting | undefined {
    const folder = this.#folders.of(folderOf(path));
    return 'real' in folder ? this.lookAt(`${folder.real}/${nameOf(path)}`, { maxBytes, expectedReal: true }) : folder;
  }

  /**
   * Is the file the version that was hashed before, as far as stat shows? Then that, without reading it.
   * @param path normal
   */
  glance(path: string, earlier: SeenFile): SeenFile | undefined {
    const folder = this.#folders.of(folderOf(path));
    if (!('real' in folder) || earlier.stamp === undefined) return undefined;
    const now = tryStatOf(`${folder.real}/${nameOf(path)}`);
    if (now?.isFile() !== true || this.#view.reserved.has(inodeKey(now))) return undefined;
    return isStillAsHashed(earlier.stamp, now) ? earlier : undefined;
  }

  /** Looks at a path that is known to lie in the workspace, such as one through an `OpenFolder`. */
  lookAt(absolute: string, options: LookOptions = {}): FileSighting | undefined {
    for (let look = 1; ; look++) {
      const sighting = this.#lookOnce(absolute, options);
      if (sighting !== 'changing') return sighting;
      if (look === MAX_LOOKS) return unreadable('it changes while it is read', 'EBUSY');
      pause(PAUSE_BETWEEN_LOOKS_MS);
    }
  }

  #lookOnce(absolute: string, options: LookOptions): FileSighting | undefined | 'changing' {
    try {
      // An exception for each file that is not there yet would cost more than the look.
      const stat = lstatSync(absolute, { bigint: true, throwIfNoEntry: false });
      if (stat === undefined) return { outcome: 'seen', state: ABSENT };
      if (!stat.isFile()) return { outcome: 'seen', state: stateWithoutContent(absolute, stat) };
      if (this.#view.reserved.has(inodeKey(stat))) return unreadable(IN_A_DATABASE);
      if (stat.size > (options.maxBytes ?? Number.POSITIVE_INFINITY)) return undefined;
      return this.#read(absolute, stat, options.expectedReal === true);
    } catch (error) {
      return sightingOfError(error);
    }
  }

  #read(absolute: string, before: BigIntStats, expectedReal: boolean): FileSighting | 'changing' {
    const takenAtMs = Date.now();
    const file = openSync(absolute, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    let mayClose = true;
    try {
      const opened = fstatSync(file, { bigint: true });
      if (this.#view.reserved.has(inodeKey(opened))) {
        // Slipped in since lstat. Closing it would drop this process's locks on the database: it stays open on purpose.
        mayClose = false;
        return unreadable(IN_A_DATABASE);
      }
      if (!isSameVersion(before, opened) || (expectedReal && !isOpenAt(file, absolute))) return 'changing';
      const content = this.#hash(file, opened.size);
      // A write that follows an earlier one so closely may leave the times as they are: only reading twice tells.
      const youngMs = grainNs(opened) === COARSE_NS ? Number(COARSE_NS / 1_000_000n) : YOUNG_MS;
      const isYoung = takenAtMs - Number(opened.mtimeNs / 1_000_000n) < youngMs;
      if (isYoung && content !== this.#hash(file, opened.size)) return 'changing';
      const after = fstatSync(file, { bigint: true });
      if (content === undefined || !isSameVersion(opened, after)) return 'changing';
      return { outcome: 'seen', state: fileState(after, content), stamp: stampOf(after, takenAtMs) };
    } finally {
      if (mayClose) closeSync(file);
    }
  }

  /** Undefined: the file's length differs from what stat told. */
  #hash(file: number, size: bigint): Digest | undefined {
    const { content, sizeBytes } = hashFileSync(file, this.#bufferFor(size), Number(size));
    return BigInt(sizeBytes) === size ? content : undefined;
  }

  #bufferFor(size: bigint): Buffer {
    const needed = size < BigInt(SMALL_BUFFER_BYTES) ? SMALL_BUFFER_BYTES : CHUNK_BYTES;
    if (this.#buffer === undefined || this.#buffer.byteLength < needed) this.#buffer = Buffer.allocUnsafeSlow(needed);
    return this.#buffer;
  }
}

/** Does the kernel say that this open file lies at this path? Where it can't say, the path's own checks have to do. */
function isOpenAt(file: number, absolute: string): boolean {
  if (process.platform !== 'linux') return true;
  try {
    return readlinkSync(`/proc/self/fd/${file}`) === absolute;
  } catch {
    // No /proc. Its ENOENT must not pass for the file's.
    return true;
  }
}

function pause(durationMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, durationMs);
}
