/**
 * The old file under a second name, which a commit gives it before it replaces or removes it.
 *
 * Invariants
 * 1. From before the rename until its bytes are known to be a blob, the old file has a name: a crash leaves it in
 *    `.holdfast/captured/` (or, where that lies on another filesystem, beside the target) under the change's name.
 * 2. Nothing captured is removed unless its content, read at that moment, is in the store.
 */
import { linkSync, lstatSync, renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { HoldfastError } from '../../model/failure.ts';
import type { FileState } from '../../model/record/world.ts';
import { makeDirectory, storageError, systemCode, unlinkFile } from '../../store/durable-file.ts';
import { atPoints } from '../../store/fault-point.ts';
import { shortToken, temporaryStem, type ChangeName } from './change.ts';
import { OpenFolder } from './open-folder.ts';
import { folderOf } from './path.ts';
import { stateWithoutContent } from './stat.ts';
import type { FileWorkspace } from './workspace.ts';

/** Beside the target. */
const SECOND_NAME = /^\.holdfast-.*\.old$/;

/** Gives the target a second name. Undefined where the filesystem or its rules allow none: the open file has to do. */
export function captureByLink(
  workspace: FileWorkspace,
  folder: OpenFolder,
  name: string,
  change: ChangeName,
): string | undefined {
  for (const place of capturePlaces(workspace, folder, change)) {
    try {
      atPoints('link', () => linkSync(folder.at(name), place));
      return place;
    } catch (error) {
      const code = systemCode(error);
      if (code === 'EXDEV') continue;
      // No hard links here (FAT), too many, or not to a stranger's file (fs.protected_hardlinks).
      if (code === 'EPERM' || code === 'EACCES' || code === 'EMLINK' || code === 'ENOTSUP' || code === 'EOPNOTSUPP')
        return undefined;
      // The place is Holdfast's own: a person knows the file by its path.
      throw storageError('link', folder.at(name), error);
    }
  }
  return undefined;
}

/** Takes away whatever stands at the target, in one step. @throws HoldfastError `storage-failed` */
export function captureByRename(
  workspace: FileWorkspace,
  folder: OpenFolder,
  name: string,
  change: ChangeName,
): string {
  for (const place of capturePlaces(workspace, folder, change)) {
    try {
      atPoints('rename', () => renameSync(folder.at(name), place));
      return place;
    } catch (error) {
      if (systemCode(error) !== 'EXDEV') throw storageError('rename', folder.at(name), error);
    }
  }
  throw storageError('rename', folder.at(name), new Error('no place on its filesystem'));
}

/** What an earlier attempt at this change captured and did not live to settle. */
export function findCaptured(workspace: FileWorkspace, folder: OpenFolder, change: ChangeName): string | undefined {
  return capturePlaces(workspace, folder, change, 'look').find(
    (place) => lstatSync(place, { throwIfNoEntry: false }) !== undefined,
  );
}

/** Is what stood at a path still captured by an attempt that ended? */
export function isCaptured(workspace: FileWorkspace, path: string, change: ChangeName): boolean {
  const folder = OpenFolder.open(workspace, folderOf(path));
  try {
    return folder !== undefined && findCaptured(workspace, folder, change) !== undefined;
  } finally {
    folder?.close();
  }
}

/** Drops a captured file whose content is in the store; somebody may have done so by hand. */
export function dropCaptured(place: string | undefined): void {
  if (place === undefined) return;
  try {
    unlinkFile(place);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

/** What failed at a file's second name is told by its own: nobody knows the other. */
export function namedByFile(workspace: FileWorkspace, path: string, error: unknown): unknown {
  const failure =
    error instanceof Error && 'syscall' in error && 'path' in error
      ? storageError('look at', String(error.path), error)
      : error;
  if (!(failure instanceof HoldfastError)) return failure;
  const { type, message, details, cause } = failure;
  const place = String(details['path']);
  if (dirname(place) !== capturedDirectory(workspace) && !SECOND_NAME.test(basename(place))) return failure;
  const own = join(workspace.root, path);
  return new HoldfastError(type, message.replaceAll(place, own), { ...details, path: own }, { cause });
}

/** The state of what is not a regular file, without its name being followed. */
export function capturedState(place: string): Exclude<FileState, { kind: 'file' }> {
  return stateWithoutContent(place, lstatSync(place, { bigint: true }));
}

export function capturedDirectory(workspace: Pick<FileWorkspace, 'holdfastDirectory'>): string {
  return join(workspace.holdfastDirectory, 'captured');
}

function capturePlaces(
  workspace: FileWorkspace,
  folder: OpenFolder,
  change: ChangeName,
  purpose: 'look' | 'use' = 'use',
): readonly string[] {
  const directory = capturedDirectory(workspace);
  if (purpose === 'use') makeDirectory(directory, 0o700);
  return [join(directory, `${shortToken(change.token)}-${change.index}`), folder.at(`${temporaryStem(change)}.old`)];
}
