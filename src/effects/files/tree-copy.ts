/**
 * A private copy of part of a workspace: by clone where the filesystem can, else by copying.
 *
 * Invariants
 * 1. What is copied of a file was its content at one moment: one that changes while it is copied is copied again.
 * 2. Kinds, modes, modification times (to the microsecond), symbolic links and empty folders are copied as they are;
 *    hard links become files of their own; FIFOs, sockets and devices are omitted.
 * 3. A large file with holes has them in the copy, too: it takes no more room there.
 * 4. Nothing in the copy shares an inode with the workspace: no write in it reaches a file outside.
 */
import {
  chmodSync,
  closeSync,
  constants,
  copyFile as copyFileSlowly,
  copyFileSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { HoldfastError } from '../../model/failure.ts';
import { Cloner } from '../../store/blobs/clone.ts';
import { readChunks } from '../../store/chunks.ts';
import { createFile, storageError, systemCode } from '../../store/durable-file.ts';
import { FileFiller, hasHoles } from '../../store/holes.ts';
import { entryAt, isSameEntry, type Tree, type TreeEntry } from './tree.ts';
import { Turns } from '../turns.ts';

const MAX_COPIES_OF_ONE = 5;
/** A larger file is copied off the main loop: where it can't be cloned, that takes its time. */
const LARGE_BYTES = 4 * 1024 * 1024;
const copyLarge = promisify(copyFileSlowly);

/**
 * Copies what `selected` names of a tree that has just been looked at. `to` must not exist yet.
 * @returns what was copied, as it was at that moment
 * @throws HoldfastError `permission-denied`, `storage-failed`; `busy` when a file keeps changing
 */
export async function copyTree(
  from: string,
  tree: Tree,
  to: string,
  selected: (path: string) => boolean,
  signal: AbortSignal,
): Promise<Tree> {
  const copied = new Map<string, TreeEntry>();
  const folders: string[] = [];
  makeFolder(to);
  const turns = new Turns();
  for (const [path, entry] of tree) {
    if (entry.kind === 'other' || !selected(path)) continue;
    // Folders above what is selected are there without the rest of what is in them.
    for (const folder of missingAbove(path, copied, tree)) {
      makeFolder(`${to}/${folder}`);
      copied.set(folder, tree.get(folder)!);
      folders.push(folder);
    }
    const now = await copyEntry(`${from}/${path}`, `${to}/${path}`, entry);
    if (now === undefined) continue;
    copied.set(path, now);
    if (now.kind === 'directory') folders.push(path);
    await turns.take();
    signal.throwIfAborted();
  }
  // Last, and from within: making what is in a folder changes its times, and may need a mode that it has not.
  for (const folder of folders.reverse()) setFolder(`${to}/${folder}`, copied.get(folder)!);
  return copied;
}

function missingAbove(path: string, copied: ReadonlyMap<string, TreeEntry>, tree: Tree): string[] {
  const missing: string[] = [];
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    const folder = path.slice(0, slash);
    if (copied.has(folder)) break;
    if (tree.has(folder)) missing.unshift(folder);
  }
  return missing;
}

/** Undefined: it was removed meanwhile. */
async function copyEntry(from: string, to: string, seen: TreeEntry): Promise<TreeEntry | undefined> {
  if (seen.kind === 'directory') {
    makeFolder(to);
    return seen;
  }
  if (seen.kind === 'symlink') {
    try {
      symlinkSync(seen.target!, to);
      lutimesSync(to, seconds(seen.mtimeNs), seconds(seen.mtimeNs));
    } catch (error) {
      throw storageError('symlink', to, error);
    }
    return seen;
  }
  return await copyFile(from, to, seen);
}

async function copyFile(from: string, to: string, seen: TreeEntry): Promise<TreeEntry | undefined> {
  for (let copy = 1, before: TreeEntry | undefined = seen; before?.kind === 'file'; copy++) {
    try {
      await copyContent(from, to, before);
      utimesSync(to, seconds(before.mtimeNs), seconds(before.mtimeNs));
    } catch (error) {
      if (systemCode(error) === 'ENOENT') break;
      throw storageError('copy', from, error);
    }
    const after = entryAt(from);
    if (after !== undefined && isSameEntry(before, after)) return after;
    if (copy === MAX_COPIES_OF_ONE)
      throw new HoldfastError('busy', `"${from}" changes while it is copied. It is tried again.`, { path: from });
    before = after;
  }
  rmSync(to, { force: true });
  return undefined;
}

async function copyContent(from: string, to: string, { sizeBytes, mode }: TreeEntry): Promise<void> {
  if (sizeBytes <= LARGE_BYTES) return copyFileSync(from, to, constants.COPYFILE_FICLONE);
  if (!hasHoles(lstatSync(from))) return await copyLarge(from, to, constants.COPYFILE_FICLONE);
  const source = openSync(from, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    // What an earlier try has left is in the way.
    rmSync(to, { force: true });
    if (!new Cloner().clone(source, from, to)) await copyWithHoles(source, from, to);
    chmodSync(to, mode);
  } finally {
    closeSync(source);
  }
}

async function copyWithHoles(source: number, from: string, to: string): Promise<void> {
  const target = createFile(to, 0o600);
  try {
    const filler = new FileFiller(target, to, true);
    for await (const chunk of readChunks(source, from, 'lent')) await filler.add(chunk);
    filler.end();
  } finally {
    closeSync(target);
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    throw storageError('mkdir', path, error);
  }
}

function setFolder(path: string, { mode, mtimeNs }: TreeEntry): void {
  try {
    chmodSync(path, mode);
    utimesSync(path, seconds(mtimeNs), seconds(mtimeNs));
  } catch (error) {
    throw storageError('chmod', path, error);
  }
}

function seconds(timeNs: bigint): number {
  return Number(timeNs) / 1e9;
}
