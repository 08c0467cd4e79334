/**
 * Small contents of an attempt: they wait in memory for the seal and go into the ledger with it, which spares a file
 * each.
 *
 * Invariant: all contents of an attempt together never exceed `MAX_CONTENTS_IN_LEDGER_BYTES`.
 */
import { hash } from 'node:crypto';
import type { Digest } from '../../model/digest.ts';
import { invariant } from '../../model/invariant.ts';
import { utf8 } from '../../store/blobs/unicode.ts';

/** A larger content is a blob at once. */
export const MAX_CONTENT_IN_LEDGER_BYTES = 16 * 1024;
const MAX_CONTENTS_IN_LEDGER_BYTES = 1024 * 1024;

export class SmallContents {
  readonly #isUsed: boolean;
  readonly #contents = new Map<Digest, Uint8Array>();
  /** Of the stored ones, and of those that `reserve` made room for. */
  #sizeBytes = 0;

  /** @param options.isUsed false: every content is a blob, since somebody looks at the contents before the seal */
  constructor({ isUsed }: { readonly isUsed: boolean }) {
    this.#isUsed = isUsed;
  }

  has(content: Digest): boolean {
    return this.#contents.has(content);
  }

  get(content: Digest): Uint8Array | undefined {
    return this.#contents.get(content);
  }

  /**
   * Stores a copy; undefined: the content has to be a blob.
   * @throws HoldfastError `bad-input` for a string that is not Unicode
   */
  store(content: string | Uint8Array): { readonly content: Digest; readonly sizeBytes: number } | undefined {
    if (!this.#isUsed || content.length > MAX_CONTENT_IN_LEDGER_BYTES) return undefined;
    // A copy: the step may go on to change its buffer.
    const bytes = typeof content === 'string' ? utf8(content) : Uint8Array.from(content);
    if (!this.reserve(bytes.byteLength)) return undefined;
    const digest = hash('sha256', bytes);
    this.#contents.set(digest, bytes);
    return { content: digest, sizeBytes: bytes.byteLength };
  }

  /** May so much more go into the ledger? Then the room is taken. */
  reserve(sizeBytes: number): boolean {
    const sum = this.#sizeBytes + sizeBytes;
    if (sizeBytes > MAX_CONTENT_IN_LEDGER_BYTES || sum > MAX_CONTENTS_IN_LEDGER_BYTES) return false;
    this.#sizeBytes = sum;
    return true;
  }

  /** A content for which `reserve` has made room. */
  add(content: Digest, bytes: Uint8Array): void {
    invariant(bytes.byteLength <= this.#sizeBytes, 'a content has room in the ledger before it is added');
    this.#contents.set(content, bytes);
  }
}
