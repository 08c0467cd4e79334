/**
 * A file of a fork: with the bytes that the record has, and durable.
 *
 * Invariant: a small file is hashed before it is written, from the same memory; another one when its copy is there.
 */
import { createHash, hash } from 'node:crypto';
import { closeSync, constants, createReadStream, fchmod, fstatSync, open, openSync, readSync, rmSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { FileState } from '../model/record/world.ts';
import type { Cloner } from '../store/blobs/clone.ts';
import { writeChunk } from '../store/chunks.ts';
import { storageError, syncFileSlowly, systemCode } from '../store/durable-file.ts';
import type { Buffers } from './beside-each-other.ts';
import type { ForkSource } from './source.ts';

/** A larger file is read in pieces. */
const SMALL_BYTES = 1024 * 1024;
const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

const openSlowly = promisify(open);
const chmodSlowly = promisify(fchmod);

type RegularFile = Extract<FileState, { kind: 'file' }>;

export interface FileCopy {
  readonly source: ForkSource;
  readonly path: string;
  readonly state: RegularFile;
  /** Where it is to be; nothing is there yet. */
  readonly target: string;
  readonly buffers: Buffers;
  readonly cloner: Cloner;
}

/**
 * False: its content is nowhere any more. What the job only read it has no copy of: the file may be as it was.
 * @throws HoldfastError `storage-failed`, `permission-denied`, `ledger-damaged`
 */
export async function isCopied(copy: FileCopy): Promise<boolean> {
  const { source, path, state, target } = copy;
  const { blobs } = source.workspace;
  if (await isCopyOf(blobs.pathOf(state.content), copy)) return true;
  // A small content, or a damaged one, which is named by this.
  if (blobs.has(state.content)) {
    await (
      await blobs.copyTo(state.content, target, state.mode)
    ).durable;
    return true;
  }
  return await isCopyOf(join(source.root, path), copy);
}

/** False: it is no file, or has another content; nothing is at the target. */
async function isCopyOf(from: string, copy: FileCopy): Promise<boolean> {
  const file = openedFile(from);
  if (file === undefined) return false;
  const { state, target, buffers, cloner } = copy;
  let bytes: Uint8Array | undefined;
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) return false;
    const { size } = stat;
    if (!cloner.clone(file, from, target)) {
      if (size < SMALL_BYTES) bytes = bytesOf(file, buffers.ofSize(size + 1));
      if (bytes !== undefined && hash('sha256', bytes) !== state.content) return false;
      if (bytes === undefined) await copyLarge(from, target);
    }
  } catch (error) {
    throw storageError('read', from, error);
  } finally {
    closeSync(file);
  }
  if (bytes === undefined) return await isSound(copy);
  await write(bytes, copy);
  return true;
}

/** Undefined: it has grown since. */
function bytesOf(file: number, buffer: Buffer): Uint8Array | undefined {
  let filled = 0;
  while (filled < buffer.byteLength) {
    const count = readSync(file, buffer, filled, buffer.byteLength - filled, filled);
    if (count === 0) return buffer.subarray(0, filled);
    filled += count;
  }
  return undefined;
}

/** Off the main loop: a new file waits for the journal. */
async function write(bytes: Uint8Array, { state, target }: FileCopy): Promise<void> {
  const file = await attempted('create', target, openSlowly(target, NEW, state.mode));
  try {
    if ((state.mode & process.umask()) !== 0) await attempted('chmod', target, chmodSlowly(file, state.mode));
    await writeChunk(file, bytes, target, 0);
    await syncFileSlowly(file, target);
  } finally {
    closeSync(file);
  }
}

async function copyLarge(from: string, target: string): Promise<void> {
  await attempted('copy', from, copyFile(from, target, constants.COPYFILE_EXCL));
}

/** Of a file that was copied without a look at its bytes: they are looked at, and it is made to last. */
async function isSound({ state: { content, mode }, target }: FileCopy): Promise<boolean> {
  const file = await attempted('open', target, openSlowly(target, constants.O_RDONLY));
  try {
    const digester = createHash('sha256');
    for await (const chunk of createReadStream(target, { fd: file, autoClose: false, start: 0 }))
      digester.update(chunk as Buffer);
    if (digester.digest('hex') === content) {
      await attempted('chmod', target, chmodSlowly(file, mode));
      await syncFileSlowly(file, target);
      return true;
    }
  } finally {
    closeSync(file);
  }
  rmSync(target);
  return false;
}

async function attempted<T>(what: string, path: string, attempt: Promise<T>): Promise<T> {
  try {
    return await attempt;
  } catch (error) {
    throw storageError(what, path, error);
  }
}

/** Undefined: there is none, or it is no file. */
function openedFile(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENXIO'].includes(systemCode(error) ?? '')) return undefined;
    throw storageError('open', path, error);
  }
}
