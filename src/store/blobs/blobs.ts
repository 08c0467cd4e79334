/**
 * Contents stored under their digest.
 *
 * Invariants
 * 1. What `put` returns is durable, whoever else put the same content at the same moment.
 * 2. Content is compared with its digest whenever it leaves the store. Damage is named and never handed on; a damaged
 *    blob that is put again is replaced, and the damaged bytes stay beside it as evidence.
 * 3. Memory doesn't grow with a content's size.
 * 4. A blob shares no inode with a file outside the store: nobody's edit reaches it.
 * 5. Small contents may lie elsewhere (the ledger has those of sealed intents); they are read, and checked, through
 *    here all the same.
 */
import type { Digest } from '../../model/digest.ts';
import { CHUNK_BYTES, type HashedContent } from '../chunks.ts';
import { copyBlob, type CopiedFile } from './copy.ts';
import { BlobFolder } from './folder.ts';
import { BlobReader } from './read.ts';
import type { SmallContents } from './small-contents.ts';
import { asBytes, utf8 } from './unicode.ts';
import { BlobWriter } from './write.ts';

export type StoredContent = HashedContent;

/** So many files are open at once. */
const FILES_A_BATCH = 128;
const DEFAULT_MAX_BYTES = 256 * CHUNK_BYTES;

export class BlobStore {
  readonly #folder: BlobFolder;
  readonly #reader: BlobReader;
  readonly #writer: BlobWriter;

  /** Creates nothing before something is stored. `small` default: none. */
  constructor(directory: string, small: SmallContents = { get: () => undefined }) {
    this.#folder = new BlobFolder(directory);
    this.#reader = new BlobReader(this.#folder, small);
    this.#writer = new BlobWriter(this.#folder, this.#reader);
  }

  get directory(): string {
    return this.#folder.path;
  }

  /**
   * Stores a content durably. Safe to repeat, also at the same time. About 0.4 ms for a small one.
   * @throws HoldfastError `storage-failed`, `permission-denied`; `bad-input` for a string that is not Unicode
   */
  async put(content: Uint8Array | string | AsyncIterable<Uint8Array | string>): Promise<StoredContent> {
    if (typeof content === 'string') return this.#writer.bytes(utf8(content));
    if (content instanceof Uint8Array) return this.#writer.bytes(content);
    return await this.#writer.stream(asBytes(content));
  }

  /**
   * Stores a file's content; a symbolic link is not followed. By a clone where the filesystem can (Btrfs, XFS, APFS).
   */
  putFromFile(absolutePath: string): Promise<StoredContent> {
    return this.#writer.file(absolutePath);
  }

  /** The same from an open file, read from its start. `path` names it in messages and for a clone. */
  putFromOpenFile(file: number, path: string): Promise<StoredContent> {
    return this.#writer.openFile(file, path);
  }

  /**
   * Stores the contents of many files that nobody writes any more: their fsyncs run beside each other, and each
   * folder is fsynced once for many. A symbolic link is not followed. Safe to repeat.
   * @throws HoldfastError `storage-failed`, `permission-denied`
   */
  async putFromFiles(absolutePaths: readonly string[]): Promise<readonly StoredContent[]> {
    const stored: StoredContent[] = [];
    for (let start = 0; start < absolutePaths.length; start += FILES_A_BATCH)
      stored.push(...(await this.#writer.files(absolutePaths.slice(start, start + FILES_A_BATCH))));
    return stored;
  }

  has(digest: Digest): boolean {
    return this.#reader.has(digest);
  }

  /** Before the only other copy is replaced, `has` is not enough: the content is read. */
  async hasIntact(digest: Digest): Promise<boolean> {
    return this.has(digest) && (await this.verify(digest)) === 'intact';
  }

  /**
   * A whole content, checked.
   * @param options.maxBytes refuse more than this. Default 256 MiB
   * @throws HoldfastError `not-found`, `ledger-damaged` naming the blob, `too-large`
   */
  read(digest: Digest, options: { readonly maxBytes?: number } = {}): Promise<Buffer> {
    return this.#reader.read(digest, options.maxBytes ?? DEFAULT_MAX_BYTES);
  }

  /** A content in chunks. Damage shows at the end, as an error: use nothing before the end is reached. */
  stream(digest: Digest): AsyncGenerator<Buffer, void, undefined> {
    return this.#reader.chunks(digest, 'given');
  }

  /** Reads a content and compares it with its digest. */
  verify(digest: Digest): Promise<'intact' | 'damaged' | 'missing'> {
    return this.#reader.verify(digest);
  }

  /**
   * Writes a content to a new file with exactly this mode, checked while it is copied. An existing file is an error;
   * on any error the new file is removed. A small file's fsync runs on while the caller does something else: await
   * `durable`.
   * @throws HoldfastError `not-found`, `ledger-damaged`, `storage-failed`, `permission-denied`
   */
  copyTo(digest: Digest, absolutePath: string, mode: number): Promise<CopiedFile> {
    return copyBlob(this.#reader, digest, absolutePath, mode);
  }

  /** @throws HoldfastError `not-found` */
  sizeOf(digest: Digest): number {
    return this.#reader.sizeOf(digest);
  }

  pathOf(digest: Digest): string {
    return this.#folder.pathOf(digest);
  }

  /** Of every content that is stored, sound or not. */
  digests(): readonly Digest[] {
    return this.#folder.digests();
  }

  /** Removes contents for good, durably. Nobody may need one meanwhile. @throws HoldfastError where one is not there */
  remove(digests: readonly Digest[]): void {
    this.#folder.remove(digests);
  }

  /** Removes temporary files of writers that died. Safe at any time. @returns how many files */
  removeLeftovers(): number {
    return this.#folder.removeLeftovers();
  }
}
