/** The content of a file that nobody writes any more: its digest, and its bytes where they are few. */
import { createHash, hash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { Digest } from '../../model/digest.ts';
import { SMALL_CONTENT_BYTES } from '../../store/blobs/blobs.ts';
import { storageError } from '../../store/durable-file.ts';
import { Turns } from '../turns.ts';

const CHUNK_BYTES = 1024 * 1024;

/** No symbolic link is followed. @throws HoldfastError `permission-denied`, `storage-failed` */
export async function contentOf(
  absolute: string,
): Promise<{ readonly content: Digest; readonly sizeBytes: number; readonly bytes: Buffer | undefined }> {
  try {
    const file = openSync(absolute, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { size } = fstatSync(file);
      return size <= SMALL_CONTENT_BYTES ? wholeOf(file, size) : await digestOf(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw storageError('read', absolute, error);
  }
}

function wholeOf(
  file: number,
  size: number,
): { readonly content: Digest; readonly sizeBytes: number; readonly bytes: Buffer } {
  const buffer = Buffer.allocUnsafeSlow(size);
  let filled = 0;
  for (let count = -1; count !== 0 && filled < size; filled += count)
    count = readSync(file, buffer, filled, size - filled, filled);
  const bytes = buffer.subarray(0, filled);
  return { content: hash('sha256', bytes), sizeBytes: filled, bytes };
}

async function digestOf(
  file: number,
): Promise<{ readonly content: Digest; readonly sizeBytes: number; readonly bytes: undefined }> {
  const digester = createHash('sha256');
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  const turns = new Turns();
  let position = 0;
  for (
    let count = readSync(file, buffer, 0, CHUNK_BYTES, 0);
    count > 0;
    count = readSync(file, buffer, 0, CHUNK_BYTES, position)
  ) {
    digester.update(buffer.subarray(0, count));
    position += count;
    await turns.take();
  }
  return { content: digester.digest('hex'), sizeBytes: position, bytes: undefined };
}
