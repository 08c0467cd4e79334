/**
 * What a commit takes hold of before it replaces it: the old file under a second name, and its open descriptor.
 *
 * Invariants
 * 1. From before the rename until its bytes are known to be a blob, the old file has a name: a crash leaves it in
 *    `.holdfast/captured/` (or, where that lies on another filesystem, beside the target) under the change's name.
 * 2. Nothing captured is removed unless its content, read at that moment, is in the store.
 */
import { createHash, hash } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  lstatSync,
  openSync,
  read,
  readlinkSync,
  readSync,
  renameSync,
  type BigIntStats,
} from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../../model/digest.ts';
import type { FileState } from '../../model/record/world.ts';
import { SMALL_CONTENT_BYTES, type BlobStore, type StoredContent } from '../../store/blobs/blobs.ts';
import { makeDirectory, storageError, syncFile, systemCode, unlinkFile } from '../../store/durable-file.ts';
import { atPoints } from '../../store/fault-point.ts';
import { temporaryStem, type ChangeName } from './change.ts';
import { inodeKey, type ReservedInodes } from './reserved.ts';
import { fileState } from './sighting.ts';
import { folderOf } from './path.ts';
import { OpenFolder, type FileWorkspace } from './workspace.ts';

const CHUNK_BYTES = 1024 * 1024;

/** An open regular file, read through its descriptor: whatever happens to its name, these are its bytes. */
export class OldFile {
  readonly path: string;
  readonly #descriptor: number;
  readonly inode: string;

  /** @returns 'reserved' for a database's file (not opened), undefined where no regular file stands (then nothing is looked up) */
  static open(path: string, reservedNow: () => ReservedInodes): OldFile | 'reserved' | undefined {
    const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (stat?.isFile() !== true) return undefined;
    const reserved = reservedNow();
    if (reserved.has(inodeKey(stat))) return 'reserved';
    const file = new OldFile(path, openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK));
    // Left open on purpose where it is a database that slipped in: closing it would drop this process's locks on it.
    return reserved.has(file.inode) ? 'reserved' : file;
  }

  private constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
    this.inode = inodeKey(fstatSync(descriptor, { bigint: true }));
  }

  stat(): BigIntStats {
    return fstatSync(this.#descriptor, { bigint: true });
  }

  /** What it holds now. */
  async state(): Promise<Extract<FileState, { kind: 'file' }>> {
    const content = await this.#hash();
    const stat = this.stat();
    return fileState(stat, content);
  }

  sync(): void {
    syncFile(this.#descriptor, this.path);
  }

  async keep(blobs: BlobStore): Promise<StoredContent> {
    return blobs.putFromOpenFile(this.#descriptor, this.path);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  async #hash(): Promise<Digest> {
    try {
      const size = Number(this.stat().size);
      if (size <= SMALL_CONTENT_BYTES) {
        const buffer = Buffer.allocUnsafe(size + 1);
        const count = readSync(this.#descriptor, buffer, 0, buffer.byteLength, 0);
        if (count === size) return hash('sha256', buffer.subarray(0, count));
      }
      return await this.#hashChunks();
    } catch (error) {
      throw storageError('read', this.path, error);
    }
  }

  async #hashChunks(): Promise<Digest> {
    const digester = createHash('sha256');
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let position = 0; ;) {
      const count = await new Promise<number>((resolve, reject) => {
        read(this.#descriptor, buffer, 0, CHUNK_BYTES, position, (error, length) =>
          error === null ? resolve(length) : reject(error),
        );
      });
      if (count === 0) return digester.digest('hex');
      digester.update(buffer.subarray(0, count));
      position += count;
    }
  }
}

/** Gives the target a second name. Undefined where the filesystem or its rules allow none: the open file has to do. */
export function captureByLink(
  workspace: FileWorkspace,
  folder: OpenFolder,
  name: string,
  change: ChangeName,
): string | undefined {
  for (const place of capturePlaces(workspace, folder, change)) {
    try {
      atPoints('link', () => linkSync(folder.at(name), place));
      return place;
    } catch (error) {
      const code = systemCode(error);
      if (code === 'EXDEV') continue;
      // No hard links here (FAT), too many, or not to a stranger's file (fs.protected_hardlinks).
      if (code === 'EPERM' || code === 'EACCES' || code === 'EMLINK' || code === 'ENOTSUP' || code === 'EOPNOTSUPP')
        return undefined;
      throw storageError('link', place, error);
    }
  }
  return undefined;
}

/** Takes whatever stands at the target away, in one step. @throws HoldfastError `storage-failed` */
export function captureByRename(
  workspace: FileWorkspace,
  folder: OpenFolder,
  name: string,
  change: ChangeName,
): string {
  for (const place of capturePlaces(workspace, folder, change)) {
    try {
      atPoints('rename', () => renameSync(folder.at(name), place));
      return place;
    } catch (error) {
      if (systemCode(error) !== 'EXDEV') throw storageError('rename', place, error);
    }
  }
  throw storageError('rename', folder.at(name), new Error('no place on its filesystem'));
}

/** What an earlier attempt at this change captured and didn't live to settle. */
export function findCaptured(workspace: FileWorkspace, folder: OpenFolder, change: ChangeName): string | undefined {
  return capturePlaces(workspace, folder, change, 'look').find(
    (place) => lstatSync(place, { throwIfNoEntry: false }) !== undefined,
  );
}

/** Is what stood at a path still where an attempt that ended has taken it to? */
export function isCaptured(workspace: FileWorkspace, path: string, change: ChangeName): boolean {
  const folder = OpenFolder.open(workspace, folderOf(path));
  try {
    return folder !== undefined && findCaptured(workspace, folder, change) !== undefined;
  } finally {
    folder?.close();
  }
}

/** Drops a captured file whose content is in the store. */
export function dropCaptured(place: string | undefined): void {
  if (place !== undefined) unlinkFile(place);
}

/** The state of what is not a regular file, without its name being followed. */
export function captureState(place: string): Exclude<FileState, { kind: 'file' }> {
  const stat = lstatSync(place, { bigint: true });
  if (stat.isSymbolicLink()) return { kind: 'symlink', target: readlinkSync(place) };
  if (stat.isDirectory()) return { kind: 'directory', mode: Number(stat.mode & 0o7777n) };
  return {
    kind: 'other',
    what: stat.isFIFO()
      ? 'fifo'
      : stat.isSocket()
        ? 'socket'
        : stat.isBlockDevice()
          ? 'block device'
          : 'character device',
  };
}

export function capturedDirectory(workspace: Pick<FileWorkspace, 'holdfastDirectory'>): string {
  return join(workspace.holdfastDirectory, 'captured');
}

function capturePlaces(
  workspace: FileWorkspace,
  folder: OpenFolder,
  change: ChangeName,
  purpose: 'look' | 'use' = 'use',
): readonly string[] {
  const directory = capturedDirectory(workspace);
  if (purpose === 'use') makeDirectory(directory, 0o700);
  return [join(directory, `${change.token.slice(0, 16)}-${change.index}`), folder.at(`${temporaryStem(change)}.old`)];
}
