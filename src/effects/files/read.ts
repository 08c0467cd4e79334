/**
 * A workspace file's content in chunks, opened through its folder so that nothing swapped in leads out of the
 * workspace.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { HoldfastError } from '../../model/failure.ts';
import { readChunks } from '../../store/chunks.ts';
import { storageError } from '../../store/durable-file.ts';
import { OpenFolder } from './open-folder.ts';
import { folderOf, nameOf } from './path.ts';
import { refuseReservedFile } from './reserved.ts';
import type { FileWorkspace } from './workspace.ts';

/** @throws HoldfastError `not-found`, `permission-denied`, `outside-workspace`, `reserved-path` */
export async function* readWorkspaceFile(workspace: FileWorkspace, path: string): AsyncIterable<Uint8Array> {
  refuseReservedFile(workspace, path);
  const folder = OpenFolder.open(workspace, folderOf(path));
  if (folder === undefined)
    throw new HoldfastError('not-found', `There is no file ${path} in the workspace.`, { path });
  try {
    const file = openIn(folder, path);
    try {
      yield* readChunks(file, path, 'given');
    } finally {
      closeSync(file);
    }
  } finally {
    folder.close();
  }
}

function openIn(folder: OpenFolder, path: string): number {
  try {
    return openSync(folder.at(nameOf(path)), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw storageError('open', path, error);
  }
}
