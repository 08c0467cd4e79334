/**
 * The temporary file (or folder) of a change: it waits beside the target, durable and with its mode, for the rename
 * that puts it in place.
 *
 * Invariants
 * 1. Its name begins with the change's stem (`temporaryStem`): leftovers of a change are found by it.
 * 2. It holds exactly what the change puts in place: its content was compared with its digest while it was written.
 */
import { chmodSync, chownSync, lstatSync, mkdirSync, rmdirSync, type BigIntStats } from 'node:fs';
import { randomUUID } from 'node:crypto';
import type { FileState } from '../../model/record/world.ts';
import type { BlobStore } from '../../store/blobs/blobs.ts';
import { storageError, tryUnlink } from '../../store/durable-file.ts';
import { atPoints } from '../../store/fault-point.ts';
import { temporaryStem, type ChangeName, type FileChange } from './change.ts';
import { OpenFolder } from './open-folder.ts';
import { folderOf } from './path.ts';
import { inodeKey, tryStatOf } from './stat.ts';
import type { FileWorkspace } from './workspace.ts';

export interface TemporaryFile {
  /** Relative to the workspace: the target's folder, or the nearest one above it that exists. */
  readonly folder: string;
  readonly name: string;
  /** Device, inode and ctime: an inode's number alone is used again. */
  readonly version: string;
  /** What was written there. */
  readonly holds: FileState;
}

export interface WrittenTemporary {
  readonly temporary: TemporaryFile;
  /** Its fsync, which may run on while the caller does something else. */
  readonly durable: Promise<void>;
}

/** @throws HoldfastError `permission-denied`, `storage-failed`, `not-found` or `ledger-damaged` */
export async function writeTemporary(
  workspace: FileWorkspace,
  { path, after, isNew }: FileChange,
  blobs: BlobStore,
  changeName: ChangeName,
): Promise<WrittenTemporary> {
  const { folder, place } = openNearestFolder(workspace, folderOf(path));
  const name = temporaryName(changeName);
  const temporary = folder.at(name);
  try {
    let durable = Promise.resolve();
    if (after.kind === 'file') {
      ({ durable } = await blobs.copyTo(after.content, temporary, after.mode));
      if (isNew !== true) giveToOwner(workspace, path, temporary, after.mode);
    } else if (after.kind === 'directory') {
      makeFolder(temporary, after.mode);
    }
    const version = versionOf(lstatSync(temporary, { bigint: true }));
    return { temporary: { folder: place, name, version, holds: after }, durable };
  } catch (error) {
    removeTemporary(temporary);
    throw error;
  } finally {
    folder.close();
  }
}

/** Matches what `temporaryName` makes; its group is as much of the token as stands there. */
export const TEMPORARY_NAME = /^\.holdfast-([0-9a-f]{16})-[a-z0-9-]+-[0-9a-f]{8}\.tmp$/;

export function temporaryName(change: ChangeName): string {
  return `${temporaryStem(change)}-${randomUUID().slice(0, 8)}.tmp`;
}

export function versionOf(stat: BigIntStats): string {
  return `${inodeKey(stat)}:${stat.ctimeNs}`;
}

/** Removes it, unless it is a folder that has been put to use. Fails only where it can't be looked at. */
export function removeTemporary(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isDirectory()) return tryUnlink(path);
  try {
    atPoints('rmdir', () => rmdirSync(path));
  } catch {
    // Somebody put something in it: then it is not only Holdfast's.
  }
}

/**
 * A folder that the same intent creates doesn't exist yet: what goes into it waits above it, on the same filesystem.
 */
function openNearestFolder(
  workspace: FileWorkspace,
  place: string,
): { readonly folder: OpenFolder; readonly place: string } {
  const folder = OpenFolder.open(workspace, place);
  return folder === undefined ? openNearestFolder(workspace, folderOf(place)) : { folder, place };
}

/** The new file gets the owner of the file that it replaces, where the worker may give a file away. */
function giveToOwner(workspace: FileWorkspace, path: string, temporary: string, mode: number): void {
  const old = tryStatOf(`${workspace.root}/${path}`);
  if (old?.isFile() !== true) return;
  const own = lstatSync(temporary, { bigint: true });
  if (old.uid === own.uid && old.gid === own.gid) return;
  try {
    chownSync(temporary, Number(old.uid), Number(old.gid));
    // Giving a file away clears its set-id bits.
    atPoints('chmod', () => chmodSync(temporary, mode));
  } catch {
    // Not permitted: it then belongs to the worker, as with any program that replaces files.
  }
}

function makeFolder(path: string, mode: number): void {
  try {
    atPoints('mkdir', () => mkdirSync(path, { mode: 0o700 }));
    atPoints('chmod', () => chmodSync(path, mode));
  } catch (error) {
    throw storageError('mkdir', path, error);
  }
}
