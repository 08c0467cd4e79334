/**
 * Prepares a change before the lock is taken, so that nothing is left to copy under it.
 *
 * Invariants
 * 1. Preparing changes nothing that anybody looks at: it writes a temporary file (or folder) beside the target, and
 *    makes sure that what will be replaced is a blob, and an intact one.
 * 2. A prepared change holds no open file: forgetting one leaks nothing but its temporary file.
 */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { HoldfastError } from '../../model/failure.ts';
import { sameState } from '../../model/record/world.ts';
import type { BlobStore } from '../../store/blobs/blobs.ts';
import type { ChangeName, FileChange } from './change.ts';
import { assertReplaceable } from './may-replace.ts';
import { observeFile } from './observation.ts';
import { OpenFolder } from './open-folder.ts';
import { folderOf, nameOf, normalisePath } from './path.ts';
import { refuseReservedFile } from './reserved.ts';
import type { FileSighting } from './sighting.ts';
import { removeTemporary, writeTemporary, type TemporaryFile } from './temporary.ts';
import type { FileWorkspace } from './workspace.ts';

export interface PreparedFile {
  readonly change: FileChange;
  readonly name: ChangeName;
  /** What was there when it was prepared. Absent: it was not looked at. */
  readonly seen?: FileSighting;
  readonly temporary: TemporaryFile | undefined;
  /** The temporary file's fsync, which may run on while the caller does something else. A commit waits for it. */
  readonly durable?: Promise<void>;
}

/**
 * Prepares a change. About 0.4 ms for a small file. Safe to repeat: each time writes a temporary file of its own.
 * @throws HoldfastError `reserved-path`, `outside-workspace`, `bad-input`, `permission-denied`, `storage-failed`, and
 *   `not-found` or `ledger-damaged` when the content is not in the store
 */
export async function prepareFile(
  workspace: FileWorkspace,
  change: FileChange,
  blobs: BlobStore,
  name: ChangeName,
): Promise<PreparedFile> {
  const { path, before, after } = change;
  const normal = normalisePath(path);
  if (normal !== path) throw new HoldfastError('bad-input', `"${path}" is not a normal path. Expected "${normal}".`);
  refuseReservedFile(workspace, path);
  if (change.isNew === true && (after.kind === 'file' || after.kind === 'directory'))
    return { change, name, ...(await writeTemporary(workspace, change, blobs, name)) };
  const seen = await observeFile(workspace, path);
  if (seen.outcome === 'seen' && sameState(seen.state, after)) return { change, name, seen, temporary: undefined };
  if (before.kind !== after.kind || after.kind !== 'directory') assertReplaceable(workspace, path);
  await captureContent(workspace, path, seen, blobs);
  const needsTemporary = after.kind === 'file' || (after.kind === 'directory' && before.kind !== 'directory');
  if (!needsTemporary) return { change, name, seen, temporary: undefined };
  return { change, name, seen, ...(await writeTemporary(workspace, change, blobs, name)) };
}

/** Removes the temporary file of a change that will not be committed. Never fails. */
export function discardPrepared(workspace: FileWorkspace, { temporary }: PreparedFile): void {
  if (temporary === undefined) return;
  try {
    discardIn(workspace, temporary);
  } catch {
    try {
      // There may be no descriptor left to open its folder with. Nothing else bears its name, wherever the path leads.
      removeTemporary(join(workspace.root, temporary.folder, temporary.name));
    } catch {
      // Its folder was moved away or made unreadable; the file there bears the change's name.
    }
  }
}

function discardIn(workspace: FileWorkspace, temporary: TemporaryFile): void {
  const folder = OpenFolder.open(workspace, temporary.folder);
  if (folder === undefined) return;
  try {
    removeTemporary(folder.at(temporary.name));
  } finally {
    folder.close();
  }
}

/** What stands there is about to be replaced: it becomes a blob now. */
async function captureContent(
  workspace: FileWorkspace,
  path: string,
  seen: FileSighting,
  blobs: BlobStore,
): Promise<void> {
  if (seen.outcome !== 'seen' || seen.state.kind !== 'file' || (await blobs.hasIntact(seen.state.content))) return;
  const folder = OpenFolder.open(workspace, folderOf(path));
  if (folder === undefined) return;
  try {
    await blobs.putFromFile(folder.at(nameOf(path)));
  } catch (error) {
    // Removed since it was seen: the comparison under the lock will say so. Any other failure is one of this act.
    if (lstatSync(folder.at(nameOf(path)), { throwIfNoEntry: false }) !== undefined) throw error;
  } finally {
    folder.close();
  }
}
