/**
 * Contents stored under their digest: `<directory>/a/bcdef…`. Few folders, so that they are made at once with one fsync;
 * a folder of many files costs nothing.
 *
 * Invariants
 * 1. What `put` returns is durable, whoever else put the same content at the same moment.
 * 2. Content is compared with its digest whenever it leaves the store. Damage is named and never handed on; a damaged
 *    blob that is put again is replaced, and the damaged bytes stay beside it as evidence.
 * 3. Memory doesn't grow with a content's size.
 * 4. A blob shares no inode with a file outside the store: nobody's edit reaches it.
 * 5. Small contents may lie elsewhere (the ledger keeps those of sealed intents); they are read, and checked, through
 *    here all the same.
 */
import { createHash, hash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  write,
} from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import { CHUNK_BYTES, hashChunks, readChunks, readWhole } from '../chunks.ts';
import {
  createFile,
  makeDirectory,
  renameFile,
  storageError,
  syncDirectory,
  syncFile,
  syncFileSlowly,
  systemCode,
  tryUnlink,
  writeWhole,
} from '../durable-file.ts';
import { atPoints, faultPoint } from '../fault-point.ts';

export interface StoredContent {
  readonly content: Digest;
  readonly sizeBytes: number;
}

/** Where small contents lie that have no file of their own. */
export interface SmallContents {
  get(digest: Digest): Uint8Array | undefined;
}

/** Up to here a content is handled whole and synchronously: cheaper than rounds through the thread pool. */
export const SMALL_CONTENT_BYTES = 128 * 1024;
const PREFIXES = '0123456789abcdef';
/** So many are open at once. */
const FILES_A_BATCH = 128;
/** A temporary file that is older was left by a process that died. */
const LEFTOVER_AGE_MS = 24 * 60 * 60 * 1000;

export class BlobStore {
  readonly directory: string;
  /** Does this process know the folders of all prefixes to be durable? */
  #hasDurablePrefixes = false;
  #canClone = true;
  readonly #small: SmallContents;

  /** Creates the directory, readable by its owner only: it holds what files of any mode held. `small` default: none. */
  constructor(directory: string, small: SmallContents = { get: () => undefined }) {
    this.directory = directory;
    this.#small = small;
    makeDirectory(join(directory, 'tmp'), 0o700);
  }

  /**
   * Stores a content durably. Safe to repeat, also at the same time. About 0.4 ms for a small one.
   * @throws HoldfastError `storage-failed`, `permission-denied`; `bad-input` for a string that is not Unicode
   */
  async put(content: Uint8Array | string | AsyncIterable<Uint8Array | string>): Promise<StoredContent> {
    if (typeof content === 'string') return this.#putBytes(utf8(content));
    if (content instanceof Uint8Array) return this.#putBytes(content);
    return this.#putStream(content);
  }

  /** Stores a file's content; a symbolic link is not followed. By a clone where the filesystem can (Btrfs, XFS, APFS). */
  async putFromFile(absolutePath: string): Promise<StoredContent> {
    let file: number;
    try {
      file = openSync(absolutePath, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      throw storageError('read', absolutePath, error);
    }
    try {
      return await this.putFromOpenFile(file, absolutePath);
    } finally {
      closeSync(file);
    }
  }

  /** The same from an open file, read from its start. `path` names it in messages and for a clone. */
  async putFromOpenFile(file: number, path: string): Promise<StoredContent> {
    const { size } = fstatSync(file);
    if (size <= SMALL_CONTENT_BYTES) return this.#putBytes(readWhole(file, path));
    const cloned = this.#clone(file, path);
    if (cloned !== undefined) return this.#keepClone(cloned);
    return this.#putStream(readChunks(file, path, 'lent'));
  }

  /**
   * Stores the contents of many files that nobody writes any more: their fsyncs run beside each other, and each folder is
   * fsynced once for many. A symbolic link is not followed. Safe to repeat. @throws HoldfastError `storage-failed`, `permission-denied`
   */
  async putFromFiles(absolutePaths: readonly string[]): Promise<readonly StoredContent[]> {
    const stored: StoredContent[] = [];
    for (let start = 0; start < absolutePaths.length; start += FILES_A_BATCH)
      stored.push(...(await this.#putBatch(absolutePaths.slice(start, start + FILES_A_BATCH))));
    return stored;
  }

  has(digest: Digest): boolean {
    return (
      this.#small.get(digest) !== undefined || statSync(this.pathOf(digest), { throwIfNoEntry: false }) !== undefined
    );
  }

  /**
   * A whole content, checked. @throws HoldfastError `not-found`, `ledger-damaged` naming the blob, `too-large`
   * @param options.maxBytes refuse more than this. Default 256 MiB
   */
  async read(digest: Digest, options: { readonly maxBytes?: number } = {}): Promise<Buffer> {
    const maxBytes = options.maxBytes ?? 256 * CHUNK_BYTES;
    const size = this.sizeOf(digest);
    if (size > maxBytes)
      throw new HoldfastError('too-large', `Content ${digest} has ${size} bytes. Expected at most ${maxBytes}.`, {
        digest,
        sizeBytes: size,
      });
    if (size <= SMALL_CONTENT_BYTES) return this.#readWhole(digest);
    const chunks: Buffer[] = [];
    for await (const chunk of this.stream(digest)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /** A content in chunks. Damage shows at the end, as an error: use nothing before the end is reached. */
  stream(digest: Digest): AsyncGenerator<Buffer, void, undefined> {
    return this.#chunks(digest, 'given');
  }

  /** Reads a content and compares it with its digest. */
  async verify(digest: Digest): Promise<'intact' | 'damaged' | 'missing'> {
    try {
      for await (const chunk of this.#chunks(digest, 'lent')) void chunk;
      return 'intact';
    } catch (error) {
      if (error instanceof HoldfastError && error.type === 'ledger-damaged') return 'damaged';
      if (error instanceof HoldfastError && error.type === 'not-found') return 'missing';
      throw error;
    }
  }

  /**
   * Writes a content to a new file with exactly this mode, checked while it is copied. An existing file is an error; on
   * any error the new file is removed.
   * @returns `durable`: settled once it is fsynced. A small one's fsync runs on while the caller does something else; if it
   * fails, the file is the caller's to remove.
   */
  async copyTo(digest: Digest, absolutePath: string, mode: number): Promise<{ readonly durable: Promise<void> }> {
    const isSmall = this.sizeOf(digest) <= SMALL_CONTENT_BYTES;
    const file = createFile(absolutePath, 0o600);
    try {
      if (isSmall) writeWhole(file, this.#readWhole(digest), absolutePath);
      else for await (const chunk of this.#chunks(digest, 'lent')) await writeChunk(file, chunk, absolutePath);
      setMode(file, mode, absolutePath);
    } catch (error) {
      closeSync(file);
      tryUnlink(absolutePath);
      throw error;
    }
    const durable = syncFileSlowly(file, absolutePath).finally(() => closeSync(file));
    // Whoever never comes to ask has not used the file either.
    durable.catch(() => undefined);
    if (isSmall) return { durable };
    try {
      await durable;
    } catch (error) {
      tryUnlink(absolutePath);
      throw error;
    }
    return { durable };
  }

  /** @throws HoldfastError `not-found` */
  sizeOf(digest: Digest): number {
    const small = this.#small.get(digest);
    if (small !== undefined) return small.byteLength;
    const stat = statSync(this.pathOf(digest), { throwIfNoEntry: false });
    if (stat === undefined) throw this.#missing(digest);
    return stat.size;
  }

  pathOf(digest: Digest): string {
    return join(this.#folderOf(digest), digest.slice(1));
  }

  /** Removes what writers that died have left behind. Safe at any time. @returns how many files */
  removeLeftovers(nowMs: number): number {
    let removed = 0;
    for (const name of readdirSync(join(this.directory, 'tmp'))) {
      const path = join(this.directory, 'tmp', name);
      const stat = lstatSync(path, { throwIfNoEntry: false });
      if (stat === undefined || nowMs - stat.mtimeMs < LEFTOVER_AGE_MS) continue;
      tryUnlink(path);
      removed += 1;
    }
    return removed;
  }

  async *#chunks(digest: Digest, chunks: 'lent' | 'given'): AsyncGenerator<Buffer, void, undefined> {
    const small = this.#readSmall(digest);
    if (small !== undefined) return yield small;
    const file = this.#open(digest);
    const digester = createHash('sha256');
    try {
      for await (const chunk of readChunks(file, this.pathOf(digest), chunks)) {
        digester.update(chunk);
        yield chunk;
      }
    } finally {
      closeSync(file);
    }
    this.#check(digest, digester.digest('hex'), this.pathOf(digest));
  }

  #putBytes(bytes: Uint8Array): StoredContent {
    const stored = { content: hash('sha256', bytes), sizeBytes: bytes.byteLength };
    if (this.#holdsIntact(stored.content, bytes)) {
      // Perhaps another writer's rename a moment ago, which its fsync has not reached yet.
      syncDirectory(this.#folderOf(stored.content));
      return stored;
    }
    const temporary = this.#temporaryPath();
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
    this.#publish(temporary, stored.content);
    return stored;
  }

  async #putBatch(absolutePaths: readonly string[]): Promise<readonly StoredContent[]> {
    const all: StoredContent[] = [];
    const written: { readonly file: number; readonly temporary: string; readonly content: Digest }[] = [];
    try {
      for (const path of absolutePaths) {
        const bytes = readSmallFile(path);
        const stored =
          bytes === undefined
            ? await this.putFromFile(path)
            : { content: hash('sha256', bytes), sizeBytes: bytes.byteLength };
        all.push(stored);
        if (bytes === undefined || this.#holdsIntact(stored.content, bytes)) continue;
        const temporary = this.#temporaryPath();
        written.push({ file: createFile(temporary, 0o400), temporary, content: stored.content });
        writeWhole(written.at(-1)!.file, bytes, temporary);
      }
      // All have ended, well or not, before any of them is closed.
      const synced = await Promise.allSettled(written.map(({ file, temporary }) => syncFileSlowly(file, temporary)));
      for (const outcome of synced) if (outcome.status === 'rejected') throw outcome.reason;
      faultPoint('blob.before');
      this.#makePrefixesDurable();
      for (const { temporary, content } of written) renameFile(temporary, this.pathOf(content));
    } catch (error) {
      for (const { temporary } of written) tryUnlink(temporary);
      throw error;
    } finally {
      for (const { file } of written) closeSync(file);
    }
    // Also of those that were there: perhaps by another writer's rename, which its fsync has not reached yet.
    for (const folder of new Set(all.map(({ content }) => this.#folderOf(content)))) syncDirectory(folder);
    faultPoint('blob.after');
    return all;
  }

  async #putStream(content: AsyncIterable<Uint8Array | string>): Promise<StoredContent> {
    const temporary = this.#temporaryPath();
    const file = createFile(temporary, 0o400);
    const digester = createHash('sha256');
    let sizeBytes = 0;
    try {
      for await (const chunk of asBytes(content)) {
        digester.update(chunk);
        sizeBytes += chunk.byteLength;
        await writeChunk(file, chunk, temporary);
      }
      await syncFileSlowly(file, temporary);
    } catch (error) {
      tryUnlink(temporary);
      throw error;
    } finally {
      closeSync(file);
    }
    return this.#publishLarge(temporary, { content: digester.digest('hex'), sizeBytes });
  }

  /** A copy of an open file that shares its extents; undefined where the filesystem can't. */
  #clone(file: number, path: string): string | undefined {
    if (!this.#canClone || process.platform !== 'linux') return undefined;
    const temporary = this.#temporaryPath();
    try {
      copyFileSync(`/proc/self/fd/${file}`, temporary, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
      return temporary;
    } catch (error) {
      tryUnlink(temporary);
      const code = systemCode(error);
      if (
        code !== 'ENOTSUP' &&
        code !== 'EOPNOTSUPP' &&
        code !== 'EXDEV' &&
        code !== 'EINVAL' &&
        code !== 'ENOTTY' &&
        code !== 'ENOSYS'
      )
        throw storageError('copy', path, error);
      // The source's filesystem may differ from file to file, but a store whose own can't clone never will.
      if (code !== 'EXDEV') this.#canClone = false;
      return undefined;
    }
  }

  async #keepClone(temporary: string): Promise<StoredContent> {
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

  /** Gives a finished file its name. The same content there already is replaced by the same. */
  #publish(temporary: string, digest: Digest): void {
    const directory = this.#folderOf(digest);
    faultPoint('blob.before');
    try {
      this.#makePrefixesDurable();
      renameFile(temporary, this.pathOf(digest));
    } catch (error) {
      tryUnlink(temporary);
      throw error;
    }
    syncDirectory(directory);
    faultPoint('blob.after');
  }

  async #publishLarge(temporary: string, stored: StoredContent): Promise<StoredContent> {
    if (this.has(stored.content) && (await this.verify(stored.content)) === 'damaged') this.#setAside(stored.content);
    this.#publish(temporary, stored.content);
    return stored;
  }

  #setAside(digest: Digest): void {
    const path = this.pathOf(digest);
    renameFile(path, `${path}.damaged-${randomBytes(4).toString('hex')}`);
  }

  /** All of them at once: one fsync for a store's life in this process, not one for each new prefix. */
  #makePrefixesDurable(): void {
    if (this.#hasDurablePrefixes) return;
    atPoints('mkdir', () => {
      for (const prefix of PREFIXES) makeUnlessThere(join(this.directory, prefix));
    });
    // Also when they were there: their maker may have died before its fsync.
    syncDirectory(this.directory);
    this.#hasDurablePrefixes = true;
  }

  #holdsIntact(digest: Digest, bytes: Uint8Array): boolean {
    const stat = lstatSync(this.pathOf(digest), { throwIfNoEntry: false });
    if (stat === undefined) return false;
    if (stat.size === bytes.byteLength) {
      // What is put may be the last good copy: look before leaning on the one that is there.
      try {
        this.#readWhole(digest);
        return true;
      } catch (error) {
        if (!(error instanceof HoldfastError) || error.type !== 'ledger-damaged') throw error;
      }
    }
    this.#setAside(digest);
    return false;
  }

  #readWhole(digest: Digest): Buffer {
    const small = this.#readSmall(digest);
    if (small !== undefined) return small;
    const file = this.#open(digest);
    try {
      const bytes = readWhole(file, this.pathOf(digest));
      this.#check(digest, hash('sha256', bytes), this.pathOf(digest));
      return bytes;
    } finally {
      closeSync(file);
    }
  }

  /** A content that has no file of its own, checked. */
  #readSmall(digest: Digest): Buffer | undefined {
    const bytes = this.#small.get(digest);
    if (bytes === undefined) return undefined;
    this.#check(digest, hash('sha256', bytes), 'its row in the ledger');
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #open(digest: Digest): number {
    try {
      return openSync(this.pathOf(digest), constants.O_RDONLY);
    } catch (error) {
      throw this.#readFailure(digest, error);
    }
  }

  #check(digest: Digest, found: string, place: string): void {
    if (found === digest) return;
    throw new HoldfastError('ledger-damaged', `Content ${digest} is damaged: "${place}" now has the digest ${found}.`, {
      digest,
      found,
      path: place,
    });
  }

  #readFailure(digest: Digest, error: unknown): HoldfastError {
    return systemCode(error) === 'ENOENT' ? this.#missing(digest) : storageError('read', this.pathOf(digest), error);
  }

  #missing(digest: Digest): HoldfastError {
    return new HoldfastError('not-found', `Content ${digest} is not in the store "${this.directory}".`, {
      digest,
      path: this.pathOf(digest),
    });
  }

  #folderOf(digest: Digest): string {
    return join(this.directory, digest.slice(0, 1));
  }

  #temporaryPath(): string {
    return join(this.directory, 'tmp', randomBytes(12).toString('hex'));
  }
}

function makeUnlessThere(directory: string): void {
  try {
    atPoints('mkdir', () => mkdirSync(directory, { mode: 0o700 }));
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw storageError('mkdir', directory, error);
  }
}

/** Undefined: it is not small. */
function readSmallFile(path: string): Buffer | undefined {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      return fstatSync(file).size <= SMALL_CONTENT_BYTES ? readWhole(file, path) : undefined;
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw storageError('read', path, error);
  }
}

async function writeChunk(file: number, chunk: Uint8Array, path: string): Promise<void> {
  for (let written = 0; written < chunk.byteLength;) {
    written += await new Promise<number>((resolve, reject) => {
      write(file, chunk, written, chunk.byteLength - written, null, (error, count) =>
        error === null ? resolve(count) : reject(storageError('write', path, error)),
      );
    });
  }
}

function setMode(file: number, mode: number, path: string): void {
  try {
    fchmodSync(file, mode);
  } catch (error) {
    throw storageError('chmod', path, error);
  }
}

/** Text as UTF-8; a surrogate pair may be split between two chunks. */
async function* asBytes(content: AsyncIterable<Uint8Array | string>): AsyncGenerator<Uint8Array, void, undefined> {
  let half = '';
  for await (const chunk of content) {
    if (typeof chunk !== 'string') {
      if (half !== '') throw notUnicode();
      yield chunk;
      continue;
    }
    const text = half + chunk;
    half = /[\uD800-\uDBFF]$/.test(text) ? text.slice(-1) : '';
    yield utf8(half === '' ? text : text.slice(0, -1));
  }
  if (half !== '') throw notUnicode();
}

/** @throws HoldfastError `bad-input` for a lone surrogate */
export function utf8(text: string): Buffer {
  if (!text.isWellFormed()) throw notUnicode();
  return Buffer.from(text, 'utf8');
}

function notUnicode(): HoldfastError {
  return new HoldfastError(
    'bad-input',
    'The text holds a lone surrogate, which UTF-8 cannot carry. Write bytes instead.',
  );
}
