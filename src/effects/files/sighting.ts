/**
 * What a look at one path tells, and what a later look may conclude from it without reading the file again.
 *
 * Invariant: "could not read" is never "absent": only ENOENT and ENOTDIR are.
 */
import type { BigIntStats } from 'node:fs';
import { defined } from '../../model/defined.ts';
import { systemFailureType } from '../../model/error-table.ts';
import { FAILURES } from '../../model/failures.ts';
import { ABSENT, type FileState } from '../../model/record/world.ts';
import { systemCode } from '../../store/durable-file.ts';
import { isYoung } from './grain.ts';
import { inodeKey, modeOf } from './stat.ts';

/** Which version of a file was hashed. Whole numbers as text: plain JSON. */
export interface FileStamp {
  readonly inode: string;
  readonly sizeBytes: number;
  readonly mode: number;
  readonly mtimeNs: string;
  readonly ctimeNs: string;
  /** How many names the file has. */
  readonly links: number;
  /** Wall clock before the hashing began. */
  readonly takenAtMs: number;
}

/** A `Sighting` of a file, with the stamp of what was hashed. */
export type FileSighting = SeenFile | UnreadableFile;

export interface SeenFile {
  readonly outcome: 'seen';
  readonly state: FileState;
  readonly stamp?: FileStamp;
}

export interface UnreadableFile {
  readonly outcome: 'unreadable';
  readonly reason: string;
  /** The system's, where it was the system that refused. */
  readonly code?: string;
  /** A symbolic link leads out of the workspace: not a matter of permissions. */
  readonly leadsOutside?: true;
}

export function unreadable(reason: string, code?: string): UnreadableFile {
  return { outcome: 'unreadable', reason, ...defined({ code }) };
}

/** May it be readable by itself soon: after an error of the disk, or once nobody writes it any more? */
export function mayPass({ code }: UnreadableFile): boolean {
  return code !== undefined && FAILURES[systemFailureType(code)].retryable;
}

export function sightingOfError(error: unknown): FileSighting {
  const code = systemCode(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') return { outcome: 'seen', state: ABSENT };
  if (code === 'EACCES' || code === 'EPERM') return unreadable(`the worker may not read it (${code})`, code);
  return unreadable(code ?? (error instanceof Error ? error.message : String(error)), code);
}

export function stampOf(stat: BigIntStats, takenAtMs: number): FileStamp {
  return {
    inode: inodeKey(stat),
    sizeBytes: Number(stat.size),
    mode: modeOf(stat),
    mtimeNs: String(stat.mtimeNs),
    ctimeNs: String(stat.ctimeNs),
    links: Number(stat.nlink),
    takenAtMs,
  };
}

/**
 * Is the file still the version that was hashed? False also when its times can't tell: a change within the same tick as
 * the hashing leaves them as they are. `linked`: this process gave it a second name since, which changed its ctime.
 */
export function isStillAsHashed(stamp: FileStamp, stat: BigIntStats, linked?: 'linked'): boolean {
  const now = stampOf(stat, 0);
  const stamps = { ctimeNs: BigInt(stamp.ctimeNs), mtimeNs: BigInt(stamp.mtimeNs) };
  const isOldEnough = !isYoung(stamps, BigInt(Math.floor(stamp.takenAtMs)) * 1_000_000n);
  const isSame =
    stamp.inode === now.inode &&
    stamp.sizeBytes === now.sizeBytes &&
    stamp.mode === now.mode &&
    stamp.mtimeNs === now.mtimeNs;
  return isOldEnough && isSame && (linked === 'linked' || stamp.ctimeNs === now.ctimeNs);
}

/** Have two looks met one version of a file, as far as stat shows? */
export function isSameVersion(a: BigIntStats, b: BigIntStats): boolean {
  return (
    a.dev === b.dev &&
    a.ino === b.ino &&
    a.size === b.size &&
    a.mode === b.mode &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs
  );
}
