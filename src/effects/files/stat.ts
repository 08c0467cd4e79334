/** What the system says of one path, without following a link there. */
import { lstatSync, readlinkSync, type BigIntStats, type Stats } from 'node:fs';
import type { FileState } from '../../model/record/world.ts';
import { storageError, systemCode } from '../../store/durable-file.ts';

export type EntryKind = 'file' | 'directory' | 'symlink' | 'other';

/**
 * Undefined: nothing. Where a file stands in the place of a folder above it, nothing is there.
 * @throws HoldfastError as `storageError`
 */
export function statOf(absolute: string): BigIntStats | undefined {
  try {
    return lstatSync(absolute, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if (systemCode(error) === 'ENOTDIR') return undefined;
    throw storageError('look at', absolute, error);
  }
}

/**
 * Also undefined where the path can't be looked at: nothing is known about it, and the act that follows will fail
 * there.
 */
export function tryStatOf(absolute: string): BigIntStats | undefined {
  try {
    return lstatSync(absolute, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Names an inode among all of this machine's. */
export function inodeKey(stat: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${stat.dev}:${stat.ino}`;
}

export function modeOf(stat: BigIntStats): number {
  return Number(stat.mode & 0o7777n);
}

export function kindOf(stat: BigIntStats): EntryKind {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  return stat.isSymbolicLink() ? 'symlink' : 'other';
}

export function fileState(stat: BigIntStats, content: string): Extract<FileState, { kind: 'file' }> {
  return { kind: 'file', sizeBytes: Number(stat.size), mode: modeOf(stat), content };
}

/** The state of what stands there and is not a regular file; a link is read, not followed. */
export function stateWithoutContent(absolute: string, stat: BigIntStats): Exclude<FileState, { kind: 'file' }> {
  if (stat.isDirectory()) return { kind: 'directory', mode: modeOf(stat) };
  if (stat.isSymbolicLink()) return { kind: 'symlink', target: readlinkSync(absolute) };
  return { kind: 'other', what: specialKindOf(stat) };
}

function specialKindOf(stat: Stats | BigIntStats): string {
  if (stat.isFIFO()) return 'fifo';
  if (stat.isSocket()) return 'socket';
  if (stat.isBlockDevice()) return 'block device';
  return stat.isCharacterDevice() ? 'character device' : 'unknown';
}
