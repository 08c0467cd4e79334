/**
 * Where sealed documents are kept: a folder or a PostgreSQL schema behind one interface, which one conformance suite
 * (test/support/sealed-store-suite.ts) describes.
 *
 * Invariants
 * 1. A generation that is there is never replaced: the same document again is fine, another one is `checkpoint-taken`.
 * 2. What `put` and `putBlob` have taken without an error is durable, and was read back from the store as it was given.
 * 3. Nothing that is damaged is deleted: it is set aside under a name that says where it lies.
 * 4. No message and no detail holds a password.
 *
 * Failures of every method: `busy`, `storage-unreachable`, `storage-failed` (to be tried again with growing pauses) and
 * `permission-denied`, which names the path or the role and the permission that is missing.
 */
import type { Digest } from '../../model/digest.ts';
import type { HashedContent } from '../chunks.ts';

/** A generation as the store lists it, without looking into the document. */
export interface StoredGeneration {
  readonly generation: number;
  readonly sizeBytes: number;
  /** When the store took it, as ISO 8601 in UTC. For people: nothing is decided by it. */
  readonly at: string;
  /** Who wrote it, from the document's first line. Undefined: that can't be read. */
  readonly writer: string | undefined;
}

/** A blob as the store lists it. */
export interface StoredBlob {
  readonly content: Digest;
  readonly sizeBytes: number;
  /** When the store took it, in milliseconds of its own clock. */
  readonly atMs: number;
}

/** One store. Its methods may be called at once, from several processes. */
export interface SealedStore {
  /** For people and for `openStore`'s caller: the path or URL, its password as `***`. */
  readonly location: string;

  /**
   * Stores a sealed document as a generation of a series. Safe to repeat with the same document, whoever writes it.
   * @param series a job or a thread: 1 to 1,000 bytes of text, without U+0000
   * @param generation a whole number from 0 to 9,999,999,999
   * @param sealed what `seal` made; its first line names the writer
   * @throws HoldfastError `checkpoint-taken` naming both writers; `checkpoint-damaged` where what is there already is
   *   no sound document; `read-back-failed` where the store has not kept what it took
   */
  put(series: string, generation: number, sealed: Buffer): Promise<void>;

  /** The bytes as they are stored, unverified: `openSealed` verifies them. Undefined: there is no such generation. */
  get(series: string, generation: number): Promise<Buffer | undefined>;

  /** Where a generation lies, or would lie, for people: a file's path, a row. */
  where(series: string, generation: number): string;

  /** The numbers of a series, in order. Nothing is read: it costs less than `list`. Empty: there is no such series. */
  generations(series: string): Promise<readonly number[]>;

  /** Of one series, oldest first. Empty: there is no such series. */
  list(series: string): Promise<readonly StoredGeneration[]>;

  /** The names of all series, in order. */
  series(): Promise<readonly string[]>;

  /**
   * Moves a generation out of the way, damaged or not, so that its number is free again. Safe to repeat.
   * @param why for whoever finds it
   * @returns where it lies now, for people. Undefined: there was none.
   */
  setAside(series: string, generation: number, why: string): Promise<string | undefined>;

  /** Removes a generation for good. @returns false: there was none */
  remove(series: string, generation: number): Promise<boolean>;

  /** Stores a content of any size under its digest. Safe to repeat. @throws HoldfastError `read-back-failed` */
  putBlob(chunks: AsyncIterable<Uint8Array>): Promise<HashedContent>;

  /**
   * A content in chunks, hashed while it is read: damage shows at the end, as an error.
   * @throws HoldfastError `not-found`, `checkpoint-damaged` naming the blob
   */
  getBlob(content: Digest): AsyncIterable<Buffer>;

  /** Which of these contents are there. They are not read. */
  hasBlobs(contents: readonly Digest[]): Promise<ReadonlySet<Digest>>;

  /**
   * The same, and those count as taken just now: whoever is about to name them in a document has them for as long as
   * `removeBlob` is told. Safe beside it.
   */
  keepBlobs(contents: readonly Digest[]): Promise<ReadonlySet<Digest>>;

  /** Of every content, in no order. */
  blobs(): AsyncIterable<StoredBlob>;

  /**
   * Removes a content for good.
   * @param unusedForMs only if it was neither stored nor kept for so long. Default 0
   * @returns false: there was none, or somebody needs it
   */
  removeBlob(content: Digest, unusedForMs?: number): Promise<boolean>;

  /**
   * Removes temporary files of writers that died. Safe at any time.
   * @param olderThanMs default a day: a writer that lives has not begun so long ago
   * @returns how many
   */
  removeLeftovers(olderThanMs?: number): Promise<number>;

  /** Ends what the store holds open. Safe to repeat. */
  close(): Promise<void>;
}
