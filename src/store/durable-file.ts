/**
 * The few operations that make something last, each a function of its own, and the one way to replace a small file.
 *
 * Invariants
 * 1. What returns without an error survives a power cut: contents are fsynced before they get their name, names by an
 *    fsync of their directory.
 * 2. A failed fsync is never repeated on the same file: the kernel may already call the lost pages clean. The file is
 *    given up, and trying again writes a new one.
 * 3. Failures are HoldfastErrors, sorted by `model/error-table.ts`, with the system's error as cause; each names a path
 *    that a person can find.
 *
 * All of it is synchronous: on a local disk that costs less than a round through the thread pool (0.27 against 0.43 ms
 * for a small file). Large contents go through `syncFileSlowly`.
 */
import {
  closeSync,
  constants,
  fsync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { systemFailureType } from '../model/error-table.ts';
import { HoldfastError } from '../model/failure.ts';
import { failedOperation } from './failed-operation.ts';
import { atPoints, atPointsAsync } from './fault-point.ts';

/**
 * Replaces a file's content as a whole: readers see the old or the new one, also after a crash. For small contents.
 * Safe to repeat.
 * @throws HoldfastError `storage-failed`, `permission-denied`
 */
export function writeDurably(
  path: string,
  content: Uint8Array | string,
  options: { readonly mode?: number } = {},
): void {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  const file = createFile(temporary, options.mode ?? 0o644);
  try {
    try {
      writeWhole(file, content, temporary);
      syncFile(file, temporary);
    } finally {
      closeSync(file);
    }
    renameFile(temporary, path);
  } catch (error) {
    tryUnlink(temporary);
    throw error;
  }
  syncDirectory(dirname(path));
}

/** A new file, open for writing; an existing one is an error. */
export function createFile(path: string, mode: number): number {
  return attempt('create', path, () =>
    openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, mode),
  );
}

export function writeWhole(file: number, content: Uint8Array | string, path: string): void {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
  attempt('write', path, () => {
    for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
  });
}

/** `path` is for the message only. */
export function syncFile(file: number, path: string): void {
  attempt('fsync', path, () => atPoints('fsync', () => fsyncSync(file)));
}

/** The same off the main loop: an fsync of much data may take seconds. */
export async function syncFileSlowly(file: number, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  await atPointsAsync('fsync', async () => {
    fsync(file, (error) => (error === null ? resolve() : reject(storageError('fsync', path, error))));
    await promise;
  });
}

export function syncDirectory(path: string): void {
  attempt('fsync', path, () => {
    const directory = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      atPoints('fsync-folder', () => fsyncSync(directory));
    } finally {
      closeSync(directory);
    }
  });
}

export function renameFile(from: string, to: string): void {
  attempt('rename', to, () => atPoints('rename', () => renameSync(from, to)));
}

/** Gives a file a second name; fails with EEXIST (as the cause) rather than replace anything. */
export function linkFile(from: string, to: string): void {
  attempt('link', to, () => atPoints('link', () => linkSync(from, to)));
}

/** The same; false: something is there already. */
export function linkUnlessThere(from: string, to: string): boolean {
  try {
    linkFile(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

export function unlinkFile(path: string): void {
  attempt('unlink', path, () => atPoints('unlink', () => unlinkSync(path)));
}

/** Removes an empty directory; one that is not empty is an error (ENOTEMPTY as the cause). */
export function removeDirectory(path: string): void {
  attempt('rmdir', path, () => atPoints('rmdir', () => rmdirSync(path)));
}

/** Creates the directory and what is missing above it, durably. True: it was not there. */
export function makeDirectory(path: string, mode = 0o777): boolean {
  const first = tryMakeDirectory(path, mode);
  if (first === 'exists') return false;
  if (first === 'no-parent') {
    makeDirectory(dirname(path), mode);
    // Still no parent: what stands there is a symbolic link to nowhere.
    if (tryMakeDirectory(path, mode) === 'no-parent')
      throw storageError('mkdir', path, new Error('its parent is not a directory'));
  }
  syncDirectory(dirname(path));
  return true;
}

/**
 * The same with the modes of the process; what stands in the way is the system's own error.
 * @param isKnown false: another process may have made it and died before its fsync
 */
export function makeDirectoryPath(path: string, isKnown = true): void {
  const first = atPoints('mkdir', () => mkdirSync(path, { recursive: true })) ?? (isKnown ? undefined : path);
  if (first === undefined) return;
  for (let made = path; made.length >= first.length && made !== dirname(made); made = dirname(made))
    syncDirectory(dirname(made));
}

function tryMakeDirectory(path: string, mode: number): 'made' | 'exists' | 'no-parent' {
  try {
    atPoints('mkdir', () => mkdirSync(path, { mode }));
    return 'made';
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST') return 'exists';
    if (code === 'ENOENT' && dirname(path) !== path) return 'no-parent';
    throw storageError('mkdir', path, error);
  }
}

/** Details of a failure that is about a job's record, and not about what a step does. */
export const OF_RECORD = { record: true } as const;

/**
 * Makes an empty file that its owner alone may read, unless something is there. For SQLite, which makes its companions
 * with the same mode.
 */
export function makePrivateFile(path: string): void {
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600));
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw storageError('create', path, error, OF_RECORD);
  }
}

/**
 * Is a file of the record there, or the folder that is to hold one? Also where it can't be read.
 * @throws HoldfastError where it can't be known
 */
export function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOTDIR' || code === 'ELOOP') return false;
    throw storageError('look at', path, error, OF_RECORD);
  }
}

/** For what nobody will miss: a temporary file of ours on the way out of a failure. Never hides the failure. */
export function tryUnlink(path: string): void {
  try {
    atPoints('unlink', () => unlinkSync(path));
  } catch {
    // It stays behind under a name that says whose it is; roll-forward removes it.
  }
}

/** The system's code (`ENOENT`) of an error or of its cause. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.cause === undefined ? undefined : systemCode(error.cause);
}

/**
 * @param said what was being done; the system's own word is taken where that was another operation
 * @param path a person finds it: what leads through one of this process's descriptors is named by where that lies
 * @param more details
 */
export function storageError(said: string, path: string, cause: unknown, more: object = {}): HoldfastError {
  if (cause instanceof HoldfastError) return cause;
  const code = systemCode(cause);
  const operation = failedOperation(said, cause);
  const named = pathForPeople(path);
  return new HoldfastError(
    systemFailureType(code),
    `Could not ${operation} "${named}": ${code ?? 'unknown error'}.`,
    { operation, path: named, code: code ?? 'unknown error', ...more },
    { cause },
  );
}

/** Of `/proc/self/fd/<n>/<name>`, while that descriptor is open. */
export function pathForPeople(path: string): string {
  const [, descriptor, rest] = /^(\/proc\/self\/fd\/\d+)(\/.*)?$/s.exec(path) ?? [];
  if (descriptor === undefined) return path;
  try {
    return readlinkSync(descriptor) + (rest ?? '');
  } catch {
    return rest === undefined ? path : rest.slice(1);
  }
}

function attempt<T>(operation: string, path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw storageError(operation, path, error);
  }
}
