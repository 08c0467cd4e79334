/**
 * Storing contents.
 *
 * Invariants
 * 1. What a method returns is durable, whoever else stores the same content at the same moment.
 * 2. A damaged content that is stored again is replaced, and the damaged bytes stay beside it as evidence.
 * 3. A blob shares no inode with a file outside the store: nobody's edit reaches it.
 * 4. Memory doesn't grow with a content's size.
 */
import { createHash, hash } from 'node:crypto';
import { closeSync, constants, fchmodSync, fstatSync, lstatSync, openSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { Digest } from '../../model/digest.ts';
import { isFailure } from '../../model/failure.ts';
import { hashChunks, readChunks, readWhole, type HashedContent } from '../chunks.ts';
import { createFile, storageError, syncFile, syncFileSlowly, tryUnlink, writeWhole } from '../durable-file.ts';
import { FileFiller, hasHoles } from '../holes.ts';
import { Cloner } from './clone.ts';
import type { BlobFolder, UnnamedContent } from './folder.ts';
import type { BlobReader } from './read.ts';
import { SMALL_CONTENT_BYTES } from './small-contents.ts';

export class BlobWriter {
  readonly #folder: BlobFolder;
  readonly #reader: BlobReader;
  readonly #cloner = new Cloner();

  constructor(folder: BlobFolder, reader: BlobReader) {
    this.#folder = folder;
    this.#reader = reader;
  }

  /** Of a small content: on the calling thread. */
  bytes(bytes: Uint8Array): HashedContent {
    const stored = hashed(bytes);
    if (this.#holdsIntact(stored.content, bytes)) {
      this.#folder.sync([stored.content]);
      return stored;
    }
    const temporary = this.#folder.temporaryPath();
    const file = createFile(temporary, 0o400);
    try {
      writeWhole(file, bytes, temporary);
      syncFile(file, temporary);
    } catch (error) {
      tryUnlink(temporary);
      throw error;
    } finally {
      closeSync(file);
    }
    this.#folder.publish([{ temporary, content: stored.content }]);
    return stored;
  }

  /** `keepsHoles`: blocks of zeros take no room. */
  async stream(chunks: AsyncIterable<Uint8Array>, keepsHoles = false): Promise<HashedContent> {
    const temporary = this.#folder.temporaryPath();
    const file = createFile(temporary, 0o400);
    const filler = new FileFiller(file, temporary, keepsHoles);
    const digester = createHash('sha256');
    let sizeBytes = 0;
    try {
      for await (const chunk of chunks) {
        digester.update(chunk);
        sizeBytes += chunk.byteLength;
        await filler.add(chunk);
      }
      filler.end();
      await syncFileSlowly(file, temporary);
    } catch (error) {
      tryUnlink(temporary);
      throw error;
    } finally {
      closeSync(file);
    }
    return this.#publishLarge(temporary, { content: digester.digest('hex'), sizeBytes });
  }

  async file(path: string): Promise<HashedContent> {
    const file = openForReading(path);
    try {
      return await this.openFile(file, path);
    } finally {
      closeSync(file);
    }
  }

  async openFile(file: number, path: string): Promise<HashedContent> {
    const stat = fstatSync(file);
    if (stat.size <= SMALL_CONTENT_BYTES) return this.bytes(readWhole(file, path));
    const temporary = this.#folder.temporaryPath();
    if (this.#cloner.clone(file, path, temporary)) return this.#storeClone(temporary);
    return this.stream(readChunks(file, path, 'lent'), hasHoles(stat));
  }

  /** Of few files: their fsyncs run beside each other, and each folder is fsynced once. */
  async files(paths: readonly string[]): Promise<readonly HashedContent[]> {
    const all: HashedContent[] = [];
    const written: (UnnamedContent & { readonly file: number })[] = [];
    try {
      for (const path of paths) {
        const bytes = readIfSmall(path);
        const stored = bytes === undefined ? await this.file(path) : hashed(bytes);
        all.push(stored);
        if (bytes === undefined || this.#holdsIntact(stored.content, bytes)) continue;
        const temporary = this.#folder.temporaryPath();
        const file = createFile(temporary, 0o400);
        written.push({ file, temporary, content: stored.content });
        writeWhole(file, bytes, temporary);
      }
      // All have ended, well or not, before any of them is closed.
      const synced = await Promise.allSettled(written.map(({ file, temporary }) => syncFileSlowly(file, temporary)));
      for (const outcome of synced) if (outcome.status === 'rejected') throw outcome.reason;
    } catch (error) {
      for (const { temporary } of written) tryUnlink(temporary);
      throw error;
    } finally {
      for (const { file } of written) closeSync(file);
    }
    this.#folder.publish(
      written,
      all.map(({ content }) => content),
    );
    return all;
  }

  async #storeClone(temporary: string): Promise<HashedContent> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(temporary, constants.O_RDWR);
      fchmodSync(handle.fd, 0o400);
      const stored = await hashChunks(readChunks(handle.fd, temporary, 'lent'));
      await syncFileSlowly(handle.fd, temporary);
      return await this.#publishLarge(temporary, stored);
    } catch (error) {
      tryUnlink(temporary);
      throw storageError('copy', temporary, error);
    } finally {
      await handle?.close();
    }
  }

  async #publishLarge(temporary: string, stored: HashedContent): Promise<HashedContent> {
    const { content } = stored;
    if (this.#reader.has(content) && (await this.#reader.verify(content)) === 'damaged') this.#folder.setAside(content);
    this.#folder.publish([{ temporary, content }]);
    return stored;
  }

  /** What is stored may be the last good copy: the one that is there counts only once it was read. */
  #holdsIntact(digest: Digest, bytes: Uint8Array): boolean {
    const stat = lstatSync(this.#folder.pathOf(digest), { throwIfNoEntry: false });
    if (stat === undefined) return false;
    if (stat.size === bytes.byteLength) {
      try {
        this.#reader.readWhole(digest);
        return true;
      } catch (error) {
        if (!isFailure(error, 'ledger-damaged')) throw error;
      }
    }
    this.#folder.setAside(digest);
    return false;
  }
}

function hashed(bytes: Uint8Array): HashedContent {
  return { content: hash('sha256', bytes), sizeBytes: bytes.byteLength };
}

/** A symbolic link is not followed. */
function openForReading(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw storageError('read', path, error);
  }
}

/** Undefined: it is not small. */
function readIfSmall(path: string): Buffer | undefined {
  const file = openForReading(path);
  try {
    return fstatSync(file).size <= SMALL_CONTENT_BYTES ? readWhole(file, path) : undefined;
  } catch (error) {
    throw storageError('read', path, error);
  } finally {
    closeSync(file);
  }
}
