/**
 * An open file's bytes from its start, in chunks or whole, and their SHA-256.
 *
 * Invariants
 * 1. Every read states its position: it makes no difference where others have moved the descriptor to.
 * 2. Memory does not grow with the file: a chunk that is `lent` is overwritten by the next one.
 */
import { createHash, hash } from 'node:crypto';
import { fstatSync, read, readSync, write } from 'node:fs';
import type { Digest } from '../model/digest.ts';
import { storageError } from './durable-file.ts';

export const CHUNK_BYTES = 1024 * 1024;

export interface HashedContent {
  readonly content: Digest;
  readonly sizeBytes: number;
}

/**
 * Reads a file off the main loop. `lent`: each chunk is good only until the next is requested; `given`: each has a
 * buffer of its own. `path` names the file in messages.
 * @throws HoldfastError `storage-failed`, `permission-denied`
 */
export async function* readChunks(
  file: number,
  path: string,
  chunks: 'lent' | 'given',
): AsyncGenerator<Buffer, void, undefined> {
  let buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let position = 0; ;) {
    const count = await readAt(file, buffer, position, path);
    if (count === 0) return;
    yield buffer.subarray(0, count);
    position += count;
    if (chunks === 'given') buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  }
}

/** Reads a file on the calling thread, through the caller's buffer: each chunk is lent. @throws the system's error */
export function* readChunksSync(file: number, buffer: Buffer): Generator<Buffer, void, undefined> {
  for (let position = 0; ;) {
    const count = readSync(file, buffer, 0, buffer.byteLength, position);
    if (count === 0) return;
    yield buffer.subarray(0, count);
    position += count;
  }
}

/** Hashes chunks as they come. */
export async function hashChunks(chunks: AsyncIterable<Uint8Array>): Promise<HashedContent> {
  const digester = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    digester.update(chunk);
    sizeBytes += chunk.byteLength;
  }
  return { content: digester.digest('hex'), sizeBytes };
}

/**
 * Hashes a file on the calling thread, through the caller's buffer. `expectedBytes`: the size that stat told; a first
 * read that finds exactly this, in a larger buffer, is taken for all and saves the read that would find the end.
 * @throws the system's error
 */
export function hashFileSync(file: number, buffer: Buffer, expectedBytes?: number): HashedContent {
  const first = readSync(file, buffer, 0, buffer.byteLength, 0);
  if (first < buffer.byteLength && first === expectedBytes)
    return { content: hash('sha256', buffer.subarray(0, first)), sizeBytes: first };
  const digester = createHash('sha256');
  let sizeBytes = 0;
  for (let count = first; count > 0; count = readSync(file, buffer, 0, buffer.byteLength, sizeBytes)) {
    digester.update(buffer.subarray(0, count));
    sizeBytes += count;
  }
  return { content: digester.digest('hex'), sizeBytes };
}

/**
 * The whole of an open file, whatever its size was a moment ago. On the calling thread; for small files.
 * @throws HoldfastError `storage-failed`, `permission-denied`
 */
export function readWhole(file: number, path: string): Buffer {
  try {
    let buffer = Buffer.allocUnsafe(fstatSync(file).size + 1);
    let filled = 0;
    for (;;) {
      const count = readSync(file, buffer, filled, buffer.byteLength - filled, filled);
      if (count === 0) return buffer.subarray(0, filled);
      filled += count;
      if (filled === buffer.byteLength) buffer = Buffer.concat([buffer, Buffer.allocUnsafe(filled)]);
    }
  } catch (error) {
    throw storageError('read', path, error);
  }
}

function readAt(file: number, buffer: Buffer, position: number, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    read(file, buffer, 0, buffer.byteLength, position, (error, count) =>
      error === null ? resolve(count) : reject(storageError('read', path, error)),
    );
  });
}

/** Writes into an open file, off the main loop. @throws HoldfastError `storage-failed`, `permission-denied` */
export async function writeChunk(file: number, chunk: Uint8Array, path: string, position: number): Promise<void> {
  for (let written = 0; written < chunk.byteLength;) {
    written += await new Promise<number>((resolve, reject) => {
      write(file, chunk, written, chunk.byteLength - written, position + written, (error, count) =>
        error === null ? resolve(count) : reject(storageError('write', path, error)),
      );
    });
  }
}
