/** Writes a content to a file outside the store. */
import { closeSync, fchmodSync } from 'node:fs';
import type { Digest } from '../../model/digest.ts';
import { createFile, storageError, syncFileSlowly, tryUnlink, writeWhole } from '../durable-file.ts';
import { FileFiller } from '../holes.ts';
import type { BlobReader } from './read.ts';
import { SMALL_CONTENT_BYTES } from './small-contents.ts';

export interface CopiedFile {
  /** Settled once the file is fsynced. If it fails for a small file, the file is the caller's to remove. */
  readonly durable: Promise<void>;
}

/** See BlobStore.copyTo. */
export async function copyBlob(reader: BlobReader, digest: Digest, path: string, mode: number): Promise<CopiedFile> {
  const isSmall = reader.sizeOf(digest) <= SMALL_CONTENT_BYTES;
  const file = createFile(path, 0o600);
  try {
    if (isSmall) writeWhole(file, reader.readWhole(digest), path);
    else await fill(new FileFiller(file, path, reader.hasHoles(digest)), reader.chunks(digest, 'lent'));
    setMode(file, mode, path);
  } catch (error) {
    closeSync(file);
    tryUnlink(path);
    throw error;
  }
  const durable = syncFileSlowly(file, path).finally(() => closeSync(file));
  // A caller that never awaits it has not used the file either.
  durable.catch(() => undefined);
  if (!isSmall) await orRemoved(durable, path);
  return { durable };
}

async function fill(filler: FileFiller, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) await filler.add(chunk);
  filler.end();
}

async function orRemoved(durable: Promise<void>, path: string): Promise<void> {
  try {
    await durable;
  } catch (error) {
    tryUnlink(path);
    throw error;
  }
}

function setMode(file: number, mode: number, path: string): void {
  try {
    fchmodSync(file, mode);
  } catch (error) {
    throw storageError('chmod', path, error);
  }
}
