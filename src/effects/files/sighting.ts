/**
 * Looks at files, synchronously: what both the main thread (for a few small ones) and the hash workers do.
 *
 * Invariants
 * 1. Looking changes nothing, follows no symbolic link at a path's end and none that leads out of the workspace, and
 *    never waits (a FIFO is recognised, not opened).
 * 2. What is reported as a file's content was its content at one moment: a file that changes under the reader is read
 *    again, and in the end reported as unreadable.
 * 3. "Could not read" is never "absent": only ENOENT and ENOTDIR are.
 */
import { createHash, hash } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
  realpathSync,
  type BigIntStats,
} from 'node:fs';
import type { Digest } from '../../model/digest.ts';
import type { FileState } from '../../model/record/world.ts';
import { systemCode } from '../../store/durable-file.ts';
import { folderOf, nameOf } from './path.ts';
import { inodeKey, placeInWorkspace, type ReservedInodes } from './reserved.ts';

/** What told, at the moment of hashing, which version of a file was hashed. Whole numbers as text: plain JSON. */
export interface FileStamp {
  readonly inode: string;
  readonly sizeBytes: number;
  readonly mode: number;
  readonly mtimeNs: string;
  readonly ctimeNs: string;
  /** Wall clock before the hashing began. */
  readonly takenAtMs: number;
}

/** A `Sighting` of a file, with the stamp of what was hashed. */
export type FileSighting =
  | { readonly outcome: 'seen'; readonly state: FileState; readonly stamp?: FileStamp }
  | {
      readonly outcome: 'unreadable';
      readonly reason: string;
      /** Not a matter of permissions. */ readonly leadsOutside?: true;
    };

/** What a look needs of a workspace; plain data, so that it can go to a worker thread. */
export interface FileView {
  readonly root: string;
  readonly rootDevice: bigint;
  readonly reserved: ReservedInodes;
}

const CHUNK_BYTES = 1024 * 1024;
const SMALL_BUFFER_BYTES = 16 * 1024;
const MAX_LOOKS = 4;
const PAUSE_BETWEEN_LOOKS_MS = 15;
/** The kernel stamps times in ticks of up to 10 ms; a change this close to the hashing may bear the same stamp. */
const STAMP_GRAIN_MS = 100;
const YOUNG_MS = 20;

/** Looks at paths of one workspace. Keeps a buffer and what it knows of folders: use it for one batch, then drop it. */
export class FileLooker {
  readonly #view: FileView;
  readonly #folders = new Map<string, Folder>();
  #root: FileSighting | 'there' | undefined;
  #buffer: Buffer | undefined;

  constructor(view: FileView) {
    this.#view = view;
  }

  /**
   * @param path normal
   * @param maxBytes a larger file is left for later: undefined
   */
  look(path: string, maxBytes = Number.POSITIVE_INFINITY): FileSighting | undefined {
    const folder = this.#folder(folderOf(path));
    return 'real' in folder ? this.lookAt(`${folder.real}/${nameOf(path)}`, { maxBytes, expectedReal: true }) : folder;
  }

  /** Looks at a path that is known to lie in the workspace, such as one through an `OpenFolder`. */
  lookAt(
    absolute: string,
    options: { readonly maxBytes?: number; readonly expectedReal?: boolean } = {},
  ): FileSighting | undefined {
    for (let look = 1; ; look++) {
      const sighting = this.#lookOnce(
        absolute,
        options.maxBytes ?? Number.POSITIVE_INFINITY,
        options.expectedReal === true,
      );
      if (sighting !== 'changing') return sighting;
      if (look === MAX_LOOKS) return { outcome: 'unreadable', reason: 'it changes while it is read' };
      pause(PAUSE_BETWEEN_LOOKS_MS);
    }
  }

  #lookOnce(absolute: string, maxBytes: number, expectedReal: boolean): FileSighting | undefined | 'changing' {
    try {
      const stat = lstatSync(absolute, { bigint: true });
      if (!stat.isFile()) return { outcome: 'seen', state: stateOfOther(absolute, stat) };
      if (this.#view.reserved.has(inodeKey(stat)))
        return { outcome: 'unreadable', reason: 'it belongs to a declared database' };
      if (stat.size > maxBytes) return undefined;
      return this.#read(absolute, stat, expectedReal);
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
        return { outcome: 'unreadable', reason: 'it belongs to a declared database' };
      }
      if (!isSameVersion(before, opened) || (expectedReal && !isOpenAt(file, absolute))) return 'changing';
      const content = this.#hash(file, opened.size);
      // Written so lately that another write may bear the same time: then only reading it twice tells.
      const isYoung = takenAtMs - Number(opened.mtimeNs / 1_000_000n) < YOUNG_MS;
      if (isYoung && content !== this.#hash(file, opened.size)) return 'changing';
      const after = fstatSync(file, { bigint: true });
      if (content === undefined || !isSameVersion(opened, after)) return 'changing';
      return { outcome: 'seen', state: fileState(after, content), stamp: stampOf(after, takenAtMs) };
    } finally {
      if (mayClose) closeSync(file);
    }
  }

  /** Undefined: the file has another length than it said. */
  #hash(file: number, size: bigint): Digest | undefined {
    const buffer = this.#bufferFor(size);
    const first = readSync(file, buffer, 0, buffer.byteLength, 0);
    if (first < buffer.byteLength && BigInt(first) === size) return hash('sha256', buffer.subarray(0, first));
    const digester = createHash('sha256');
    let position = 0;
    for (let count = first; count > 0; count = readSync(file, buffer, 0, buffer.byteLength, position)) {
      digester.update(buffer.subarray(0, count));
      position += count;
    }
    return BigInt(position) === size ? digester.digest('hex') : undefined;
  }

  #bufferFor(size: bigint): Buffer {
    const wanted = size < BigInt(SMALL_BUFFER_BYTES) ? SMALL_BUFFER_BYTES : CHUNK_BYTES;
    if (this.#buffer === undefined || this.#buffer.byteLength < wanted) this.#buffer = Buffer.allocUnsafeSlow(wanted);
    return this.#buffer;
  }

  /** A folder's real path, or what its absence means for everything in it. */
  #folder(folder: string): Folder {
    let known = this.#folders.get(folder);
    if (known === undefined) {
      known = this.#findFolder(folder);
      this.#folders.set(folder, known);
    }
    return known;
  }

  #findFolder(folder: string): Folder {
    this.#root ??= this.#findRoot();
    if (this.#root !== 'there') return this.#root;
    try {
      const real = realpathSync.native(`${this.#view.root}/${folder}`);
      const place = placeInWorkspace(this.#view.root, real);
      return place === undefined
        ? {
            outcome: 'unreadable',
            reason: `a symbolic link leads "${folder}" out of the workspace`,
            leadsOutside: true,
          }
        : { real: real === '/' ? '' : real };
    } catch (error) {
      return sightingOfError(error);
    }
  }

  /** Without its root a workspace is out of reach; its files have not been removed. */
  #findRoot(): FileSighting | 'there' {
    const { root, rootDevice } = this.#view;
    try {
      return lstatSync(root, { bigint: true }).dev === rootDevice
        ? 'there'
        : { outcome: 'unreadable', reason: `"${root}" lies on another device than when it was opened` };
    } catch (error) {
      return {
        outcome: 'unreadable',
        reason: `the workspace "${root}" cannot be reached (${systemCode(error) ?? 'unknown error'})`,
      };
    }
  }
}

type Folder = { readonly real: string } | FileSighting;

/**
 * Is the file still the version that was hashed? False also when its times can't tell: a change within the same tick as
 * the hashing leaves them as they are. `linked`: its count of links was changed by us, and with it its ctime.
 */
export function isStillAsHashed(stamp: FileStamp, stat: BigIntStats, linked?: 'linked'): boolean {
  const now = stampOf(stat, 0);
  const isOldEnough =
    isBefore(stamp.mtimeNs, stamp.takenAtMs - STAMP_GRAIN_MS) &&
    isBefore(stamp.ctimeNs, stamp.takenAtMs - STAMP_GRAIN_MS);
  const isSame =
    stamp.inode === now.inode &&
    stamp.sizeBytes === now.sizeBytes &&
    stamp.mode === now.mode &&
    stamp.mtimeNs === now.mtimeNs;
  return isOldEnough && isSame && (linked === 'linked' || stamp.ctimeNs === now.ctimeNs);
}

function isBefore(timeNs: string, limitMs: number): boolean {
  return BigInt(timeNs) / 1_000_000n < BigInt(Math.floor(limitMs));
}

export function fileState(stat: BigIntStats, content: Digest): Extract<FileState, { kind: 'file' }> {
  return { kind: 'file', sizeBytes: Number(stat.size), mode: Number(stat.mode & 0o7777n), content };
}

export function stampOf(stat: BigIntStats, takenAtMs: number): FileStamp {
  return {
    inode: inodeKey(stat),
    sizeBytes: Number(stat.size),
    mode: Number(stat.mode & 0o7777n),
    mtimeNs: String(stat.mtimeNs),
    ctimeNs: String(stat.ctimeNs),
    takenAtMs,
  };
}

function isSameVersion(a: BigIntStats, b: BigIntStats): boolean {
  return (
    a.dev === b.dev &&
    a.ino === b.ino &&
    a.size === b.size &&
    a.mode === b.mode &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs
  );
}

function stateOfOther(absolute: string, stat: BigIntStats): FileState {
  if (stat.isDirectory()) return { kind: 'directory', mode: Number(stat.mode & 0o7777n) };
  if (stat.isSymbolicLink()) return { kind: 'symlink', target: readlinkSync(absolute) };
  const what = stat.isFIFO()
    ? 'fifo'
    : stat.isSocket()
      ? 'socket'
      : stat.isBlockDevice()
        ? 'block device'
        : stat.isCharacterDevice()
          ? 'character device'
          : 'unknown';
  return { kind: 'other', what };
}

export function sightingOfError(error: unknown): FileSighting {
  const code = systemCode(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') return { outcome: 'seen', state: { kind: 'absent' } };
  if (code === 'EACCES' || code === 'EPERM')
    return { outcome: 'unreadable', reason: `the worker may not read it (${code})` };
  return { outcome: 'unreadable', reason: code ?? (error instanceof Error ? error.message : String(error)) };
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
