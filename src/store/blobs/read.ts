/**
 * Reading contents, wherever they lie.
 *
 * Invariant: content is compared with its digest whenever it leaves the store. Damage is named and never handed on.
 */
import { createHash, hash } from 'node:crypto';
import { closeSync, constants, openSync, statSync } from 'node:fs';
import type { Digest } from '../../model/digest.ts';
import { HoldfastError, isFailure } from '../../model/failure.ts';
import { readChunks, readWhole } from '../chunks.ts';
import { storageError, systemCode } from '../durable-file.ts';
import { hasHoles } from '../holes.ts';
import type { BlobFolder } from './folder.ts';
import { SMALL_CONTENT_BYTES, type SmallContents } from './small-contents.ts';

export class BlobReader {
  readonly #folder: BlobFolder;
  readonly #small: SmallContents;

  constructor(folder: BlobFolder, small: SmallContents) {
    this.#folder = folder;
    this.#small = small;
  }

  has(digest: Digest): boolean {
    return this.#small.get(digest) !== undefined || this.#fileSize(digest) !== undefined;
  }

  /** @throws HoldfastError `not-found` */
  sizeOf(digest: Digest): number {
    const size = this.#small.get(digest)?.byteLength ?? this.#fileSize(digest);
    if (size === undefined) throw this.#missing(digest);
    return size;
  }

  /** Does a content take less room than its size says? */
  hasHoles(digest: Digest): boolean {
    const stat = statSync(this.#folder.pathOf(digest), { throwIfNoEntry: false });
    return stat !== undefined && hasHoles(stat);
  }

  /** @throws HoldfastError `not-found`, `ledger-damaged` naming the blob, `too-large` */
  async read(digest: Digest, maxBytes: number): Promise<Buffer> {
    const size = this.sizeOf(digest);
    if (size > maxBytes)
      throw new HoldfastError('too-large', `Content ${digest} has ${size} bytes. Expected at most ${maxBytes}.`, {
        digest,
        sizeBytes: size,
      });
    if (size <= SMALL_CONTENT_BYTES) return this.readWhole(digest);
    const chunks: Buffer[] = [];
    for await (const chunk of this.chunks(digest, 'given')) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /** Of a small content: whole, checked, on the calling thread. */
  readWhole(digest: Digest): Buffer {
    const small = this.#readSmall(digest);
    if (small !== undefined) return small;
    const path = this.#folder.pathOf(digest);
    const file = this.#open(digest, path);
    try {
      const bytes = readWhole(file, path);
      mustMatch(digest, hash('sha256', bytes), path);
      return bytes;
    } finally {
      closeSync(file);
    }
  }

  /** Damage shows at the end, as an error. `lent`: a chunk is good only until the next is requested. */
  async *chunks(digest: Digest, chunks: 'lent' | 'given'): AsyncGenerator<Buffer, void, undefined> {
    const small = this.#readSmall(digest);
    if (small !== undefined) return yield small;
    const path = this.#folder.pathOf(digest);
    const file = this.#open(digest, path);
    const digester = createHash('sha256');
    try {
      for await (const chunk of readChunks(file, path, chunks)) {
        digester.update(chunk);
        yield chunk;
      }
    } finally {
      closeSync(file);
    }
    mustMatch(digest, digester.digest('hex'), path);
  }

  async verify(digest: Digest): Promise<'intact' | 'damaged' | 'missing'> {
    try {
      for await (const chunk of this.chunks(digest, 'lent')) void chunk;
      return 'intact';
    } catch (error) {
      if (isFailure(error, 'ledger-damaged')) return 'damaged';
      if (isFailure(error, 'not-found')) return 'missing';
      throw error;
    }
  }

  /** A content that has no file of its own, checked. */
  #readSmall(digest: Digest): Buffer | undefined {
    const bytes = this.#small.get(digest);
    if (bytes === undefined) return undefined;
    mustMatch(digest, hash('sha256', bytes), 'its row in the ledger');
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #fileSize(digest: Digest): number | undefined {
    const path = this.#folder.pathOf(digest);
    try {
      return statSync(path, { throwIfNoEntry: false })?.size;
    } catch (error) {
      if (systemCode(error) === 'ENOTDIR') return undefined;
      throw storageError('look at', path, error);
    }
  }

  #open(digest: Digest, path: string): number {
    try {
      return openSync(path, constants.O_RDONLY);
    } catch (error) {
      throw systemCode(error) === 'ENOENT' ? this.#missing(digest) : storageError('read', path, error);
    }
  }

  #missing(digest: Digest): HoldfastError {
    return new HoldfastError('not-found', `Content ${digest} is not in the store "${this.#folder.path}".`, {
      digest,
      path: this.#folder.pathOf(digest),
    });
  }
}

function mustMatch(digest: Digest, found: string, place: string): void {
  if (found === digest) return;
  throw new HoldfastError('ledger-damaged', `Content ${digest} is damaged: "${place}" now has the digest ${found}.`, {
    digest,
    found,
    path: place,
  });
}
