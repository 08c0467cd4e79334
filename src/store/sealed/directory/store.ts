/** A folder as a store of sealed documents. Its contents lie in `<folder>/blobs`, as in a workspace's record. */
import { join } from 'node:path';
import type { Digest } from '../../../model/digest.ts';
import { HoldfastError, isFailure } from '../../../model/failure.ts';
import { BlobStore } from '../../blobs/blobs.ts';
import type { HashedContent } from '../../chunks.ts';
import { diskNowMs } from '../../disk-clock.ts';
import { mustBeSame, mustReadBack, readBackFailed, writerOf } from '../met.ts';
import { mustBeNames, mustBeSeries } from '../series-name.ts';
import type { SealedStore, StoredBlob, StoredGeneration } from '../store.ts';
import { explainDenied } from './denied.ts';
import { isTouched, removeUnused, restoreGone } from './unused-blob.ts';
import { GenerationFiles } from './generation-files.ts';
import { statOf } from './looks.ts';

const LEFTOVER_AGE_MS = 24 * 60 * 60 * 1000;

export class DirectoryStore implements SealedStore {
  readonly location: string;
  readonly #generations: GenerationFiles;
  readonly #blobs: BlobStore;

  /** @param folder absolute; nothing is created before something is stored */
  constructor(folder: string) {
    this.location = folder;
    this.#generations = new GenerationFiles(folder);
    this.#blobs = new BlobStore(join(folder, 'blobs'));
  }

  async put(series: string, generation: number, sealed: Buffer): Promise<void> {
    mustBeNames(series, generation);
    writerOf(sealed);
    const place = { series, generation, where: this.#generations.pathOf(series, generation) };
    await told(async () => {
      const isNew = await this.#generations.write(series, generation, sealed);
      const found = this.#generations.read(series, generation);
      if (!isNew && found !== undefined) return mustBeSame(found, sealed, place);
      try {
        mustReadBack(found, sealed, place);
      } catch (error) {
        // Nobody has been told that it is there: the number is free for the next try.
        this.#generations.setAside(series, generation, 'It was not read back as it was written.');
        throw error;
      }
    });
  }

  async get(series: string, generation: number): Promise<Buffer | undefined> {
    mustBeNames(series, generation);
    return await told(() => this.#generations.read(series, generation));
  }

  where(series: string, generation: number): string {
    mustBeNames(series, generation);
    return this.#generations.pathOf(series, generation);
  }

  async generations(series: string): Promise<readonly number[]> {
    mustBeSeries(series);
    return await told(() => this.#generations.numbers(series));
  }

  async list(series: string): Promise<readonly StoredGeneration[]> {
    mustBeSeries(series);
    return await told(() => this.#generations.list(series));
  }

  async series(): Promise<readonly string[]> {
    return await told(() => this.#generations.series());
  }

  async setAside(series: string, generation: number, why: string): Promise<string | undefined> {
    mustBeNames(series, generation);
    return await told(() => this.#generations.setAside(series, generation, why));
  }

  async remove(series: string, generation: number): Promise<boolean> {
    mustBeNames(series, generation);
    return await told(() => this.#generations.remove(series, generation));
  }

  async putBlob(chunks: AsyncIterable<Uint8Array>): Promise<HashedContent> {
    return await told(async () => {
      const stored = await this.#blobs.put(chunks);
      // One that was there counts as stored now: nobody may remove it as unused.
      isTouched(this.#blobs.pathOf(stored.content));
      const found = await this.#blobs.verify(stored.content);
      if (found !== 'intact') {
        const details = { content: stored.content, path: this.#blobs.pathOf(stored.content) };
        throw readBackFailed(`content ${stored.content}`, `${stored.sizeBytes} bytes`, `it ${found}`, details);
      }
      return stored;
    });
  }

  async *getBlob(content: Digest): AsyncGenerator<Buffer, void, undefined> {
    try {
      yield* this.#blobs.stream(content);
    } catch (error) {
      if (!isFailure(error, 'ledger-damaged')) throw explainDenied(error);
      throw new HoldfastError('checkpoint-damaged', error.message, error.details, { cause: error });
    }
  }

  async hasBlobs(contents: readonly Digest[]): Promise<ReadonlySet<Digest>> {
    return await told(() => new Set(contents.filter((content) => this.#blobs.has(content))));
  }

  async *blobs(): AsyncGenerator<StoredBlob, void, undefined> {
    for (const content of await told(() => this.#blobs.digests())) {
      const stat = await told(() => statOf(this.#blobs.pathOf(content)));
      if (stat !== undefined) yield { content, sizeBytes: stat.size, atMs: stat.mtimeMs };
    }
  }

  async keepBlobs(contents: readonly Digest[]): Promise<ReadonlySet<Digest>> {
    return await told(() => new Set(contents.filter((content) => isTouched(this.#blobs.pathOf(content)))));
  }

  async removeBlob(content: Digest, unusedForMs = 0): Promise<boolean> {
    return await told(() => removeUnused(this.#blobs.pathOf(content), unusedForMs));
  }

  async removeLeftovers(olderThanMs = LEFTOVER_AGE_MS): Promise<number> {
    return await told(() => {
      restoreGone(join(this.location, 'blobs'));
      return this.#blobs.removeLeftovers() + this.#generations.removeLeftovers(diskNowMs(this.location) - olderThanMs);
    });
  }

  async close(): Promise<void> {
    // Nothing is held open.
  }
}

/** Whatever the system refuses is told with the permission that is missing. */
async function told<T>(act: () => T | Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw explainDenied(error);
  }
}
