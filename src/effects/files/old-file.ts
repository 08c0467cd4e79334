/** An open regular file, read through its descriptor: what happens to its name changes nothing. */
import { hash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync, type BigIntStats } from 'node:fs';
import type { Digest } from '../../model/digest.ts';
import type { FileState } from '../../model/record/world.ts';
import { SMALL_CONTENT_BYTES } from '../../store/blobs/small-contents.ts';
import type { BlobStore, StoredContent } from '../../store/blobs/blobs.ts';
import { hashChunks, readChunks } from '../../store/chunks.ts';
import { storageError, syncFile } from '../../store/durable-file.ts';
import { fileState, inodeKey, statOf } from './stat.ts';
import type { ReservedInodes } from './workspace.ts';

export class OldFile {
  readonly path: string;
  readonly inode: string;
  readonly #descriptor: number;

  /**
   * @param reservedNow called only where a regular file stands
   * @returns 'reserved' for a database's file (not opened), undefined where no regular file stands
   */
  static open(path: string, reservedNow: () => ReservedInodes): OldFile | 'reserved' | undefined {
    const stat = statOf(path);
    if (stat?.isFile() !== true) return undefined;
    const reserved = reservedNow();
    if (reserved.has(inodeKey(stat))) return 'reserved';
    const file = new OldFile(path, openAt(path));
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
    return fileState(this.stat(), content);
  }

  sync(): void {
    syncFile(this.#descriptor, this.path);
  }

  /** Stores what it holds now. */
  async store(blobs: BlobStore): Promise<StoredContent> {
    return blobs.putFromOpenFile(this.#descriptor, this.path);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  async #hash(): Promise<Digest> {
    return this.#hashSmall() ?? (await hashChunks(readChunks(this.#descriptor, this.path, 'lent'))).content;
  }

  /** Undefined: it is not small, or its length is not what stat told. */
  #hashSmall(): Digest | undefined {
    try {
      const size = Number(this.stat().size);
      if (size > SMALL_CONTENT_BYTES) return undefined;
      const buffer = Buffer.allocUnsafe(size + 1);
      const count = readSync(this.#descriptor, buffer, 0, buffer.byteLength, 0);
      return count === size ? hash('sha256', buffer.subarray(0, count)) : undefined;
    } catch (error) {
      throw storageError('read', this.path, error);
    }
  }
}

function openAt(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw storageError('open', path, error);
  }
}
