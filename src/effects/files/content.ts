/** The content of a file that nobody writes any more: its digest, and its bytes where they are few. */
import { createHash, hash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { SMALL_CONTENT_BYTES } from '../../store/blobs/small-contents.ts';
import { CHUNK_BYTES, readChunksSync, type HashedContent } from '../../store/chunks.ts';
import { storageError } from '../../store/durable-file.ts';
import { Turns } from '../turns.ts';

export interface SettledContent extends HashedContent {
  /** Undefined: the content is large. */
  readonly bytes: Buffer | undefined;
}

/** No symbolic link is followed. @throws HoldfastError `permission-denied`, `storage-failed` */
export async function contentOf(absolute: string): Promise<SettledContent> {
  try {
    const file = openSync(absolute, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { size } = fstatSync(file);
      return size <= SMALL_CONTENT_BYTES ? smallContent(file, size) : await largeContent(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw storageError('read', absolute, error);
  }
}

/** At most as many bytes as stat told, in a buffer no larger: a step's small contents stay in memory until its end. */
function smallContent(file: number, size: number): SettledContent {
  const buffer = Buffer.allocUnsafeSlow(size);
  let filled = 0;
  for (let count = -1; count !== 0 && filled < size; filled += count)
    count = readSync(file, buffer, filled, size - filled, filled);
  const bytes = buffer.subarray(0, filled);
  return { content: hash('sha256', bytes), sizeBytes: bytes.byteLength, bytes };
}

/** In chunks on the calling thread, with turns for the main loop between them. */
async function largeContent(file: number): Promise<SettledContent> {
  const digester = createHash('sha256');
  const turns = new Turns();
  let sizeBytes = 0;
  for (const chunk of readChunksSync(file, Buffer.allocUnsafe(CHUNK_BYTES))) {
    digester.update(chunk);
    sizeBytes += chunk.byteLength;
    await turns.take();
  }
  return { content: digester.digest('hex'), sizeBytes, bytes: undefined };
}
