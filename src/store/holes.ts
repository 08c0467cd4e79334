/**
 * Writing a file so that blocks of zeros stay holes: a sparse file of gigabytes takes no more room as a copy.
 *
 * Invariant: what is read from the file is what was added, whether its zeros are holes or not.
 */
import { ftruncateSync } from 'node:fs';
import { writeChunk } from './chunks.ts';
import { storageError } from './durable-file.ts';

const BLOCK_BYTES = 64 * 1024;
const ZEROS = Buffer.alloc(BLOCK_BYTES);
/** In which stat counts blocks, whatever those of the filesystem are. */
const STAT_BLOCK_BYTES = 512;

export interface FileSpace {
  readonly size: number;
  readonly blocks: number;
}

/** Does it take less room than its size says? */
export function hasHoles({ size, blocks }: FileSpace): boolean {
  return blocks * STAT_BLOCK_BYTES < size;
}

/** Writes a new file from its start, off the main loop. */
export class FileFiller {
  readonly #file: number;
  readonly #path: string;
  readonly #keepsHoles: boolean;
  #position = 0;

  /** `path` names the file in messages. */
  constructor(file: number, path: string, keepsHoles: boolean) {
    this.#file = file;
    this.#path = path;
    this.#keepsHoles = keepsHoles;
  }

  /** @throws HoldfastError `storage-failed`, `permission-denied` */
  async add(chunk: Uint8Array): Promise<void> {
    for (let start = 0; start < chunk.byteLength;) {
      const isHole = this.#isHole(chunk, start);
      let end = start + BLOCK_BYTES;
      while (end < chunk.byteLength && this.#isHole(chunk, end) === isHole) end += BLOCK_BYTES;
      const run = chunk.subarray(start, end);
      if (!isHole) await writeChunk(this.#file, run, this.#path, this.#position);
      this.#position += run.byteLength;
      start = end;
    }
  }

  /** A hole at the end is part of the file, too. @throws HoldfastError `storage-failed` */
  end(): void {
    if (!this.#keepsHoles) return;
    try {
      ftruncateSync(this.#file, this.#position);
    } catch (error) {
      throw storageError('write', this.#path, error);
    }
  }

  #isHole(chunk: Uint8Array, start: number): boolean {
    if (!this.#keepsHoles) return false;
    const block = chunk.subarray(start, start + BLOCK_BYTES);
    return ZEROS.compare(block, 0, block.byteLength, 0, block.byteLength) === 0;
  }
}
