/**
 * May what stands at a path be replaced or taken away? Looked at while a change is prepared: found out later, the step
 * would be half applied. It can change until then, so that the commit may still fail.
 */
import { accessSync, constants, lstatSync } from 'node:fs';
import { storageError, systemCode } from '../../store/durable-file.ts';
import { HoldfastError } from '../../model/failure.ts';
import { OpenFolder } from './open-folder.ts';
import { folderOf, nameOf } from './path.ts';
import type { FileWorkspace } from './workspace.ts';

const STICKY = 0o1000;

/** @throws HoldfastError `permission-denied`, `storage-failed` */
export function assertReplaceable(workspace: FileWorkspace, path: string): void {
  const folder = OpenFolder.open(workspace, folderOf(path));
  if (folder === undefined) return;
  try {
    const target = lstatSync(folder.at(nameOf(path)), { throwIfNoEntry: false });
    if (target === undefined) return;
    accessSync(folder.at('.'), constants.W_OK | constants.X_OK);
    const owner = lstatSync(folder.at('.'));
    if (isKept(owner, target.uid)) throw notReplaceable(path, 'its folder lets only the owner remove it');
    if (!target.isSymbolicLink()) mustNotBeImmutable(folder.at(nameOf(path)), path);
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    const code = systemCode(error);
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
      throw notReplaceable(path, `its folder cannot be written (${code})`, error);
    throw storageError('look at', path, error);
  } finally {
    folder.close();
  }
}

/** Of a file that nobody may change the kernel says EPERM; that a mode forbids writing it forbids no replacement. */
function mustNotBeImmutable(place: string, path: string): void {
  try {
    accessSync(place, constants.W_OK);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EPERM') throw notReplaceable(path, 'it is immutable (EPERM; chattr -i)', error);
    if (code === 'EROFS') throw notReplaceable(path, 'it is on a read-only file system (EROFS)', error);
  }
}

function isKept(folder: { readonly mode: number; readonly uid: number }, owner: number): boolean {
  if ((folder.mode & STICKY) === 0) return false;
  const uid = process.geteuid?.();
  return uid !== undefined && uid !== 0 && uid !== owner && uid !== folder.uid;
}

function notReplaceable(path: string, why: string, cause?: unknown): HoldfastError {
  const message = `${path} can be neither replaced nor removed: ${why}.`;
  return new HoldfastError('permission-denied', message, { path }, { cause });
}
