/**
 * A workspace file's content in chunks, opened through its folder so that nothing swapped in leads out of the
 * workspace.
 */
import { closeSync, constants, openSync, read } from 'node:fs';
import { promisify } from 'node:util';
import { HoldfastError } from '../../model/failure.ts';
import { storageError } from '../../store/durable-file.ts';
import { OpenFolder } from './open-folder.ts';
import { folderOf, nameOf } from './path.ts';
import { refuseReservedFile } from './reserved.ts';
import type { FileWorkspace } from './workspace.ts';

/** As large as a step sees the chunks of `ctx.files.stream`. */
const CHUNK_BYTES = 256 * 1024;

const readOpen = promisify(read);

/**
 * Each chunk has a buffer of its own.
 * @throws HoldfastError `not-found`, `permission-denied`, `storage-failed`, `outside-workspace`, `reserved-path`
 */
export async function* readWorkspaceFile(workspace: FileWorkspace, path: string): AsyncIterable<Uint8Array> {
  refuseReservedFile(workspace, path);
  const folder = OpenFolder.open(workspace, folderOf(path));
  if (folder === undefined)
    throw new HoldfastError('not-found', `There is no file ${path} in the workspace.`, { path });
  try {
    const file = openIn(folder, path);
    try {
      for (;;) {
        const chunk = await readChunk(file, path);
        if (chunk.byteLength === 0) return;
        yield chunk;
      }
    } finally {
      closeSync(file);
    }
  } finally {
    folder.close();
  }
}

async function readChunk(file: number, path: string): Promise<Buffer> {
  try {
    const { bytesRead, buffer } = await readOpen(file, Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, null);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    throw storageError('read', path, error);
  }
}

function openIn(folder: OpenFolder, path: string): number {
  try {
    return openSync(folder.at(nameOf(path)), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw storageError('open', path, error);
  }
}
