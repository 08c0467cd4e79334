/** A workspace file's content in chunks, opened through its folder so that nothing swapped in leads out of the workspace. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { HoldfastError } from '../../model/failure.ts';
import { storageError } from '../../store/durable-file.ts';
import { folderOf, nameOf } from './path.ts';
import { refuseReservedFile } from './reserved.ts';
import { OpenFolder, type FileWorkspace } from './workspace.ts';

const CHUNK_BYTES = 256 * 1024;

/** @throws HoldfastError `not-found`, `permission-denied`, `outside-workspace`, `reserved-path` */
export async function* readWorkspaceFile(workspace: FileWorkspace, path: string): AsyncIterable<Uint8Array> {
  refuseReservedFile(workspace, path);
  const folder = OpenFolder.open(workspace, folderOf(path));
  if (folder === undefined)
    throw new HoldfastError('not-found', `There is no file ${path} in the workspace.`, { path });
  try {
    const file = await open(
      folder.at(nameOf(path)),
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    ).catch((error: unknown) => {
      throw storageError('open', path, error);
    });
    try {
      for (;;) {
        const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, null);
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  } finally {
    folder.close();
  }
}
