/**
 * What an error of SQLite is about. Where its code says only that something could not be opened or written, the system
 * is asked why: SQLite keeps that to itself.
 *
 * Invariant: asking opens no database file: closing one would drop this process's own locks on it.
 */
import { accessSync, closeSync, constants, lstatSync, openSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { deniedOrPasses, isUnexplained, sqliteFailureType, type SqliteUse } from '../model/error-table.ts';
import type { FailureType } from '../model/failures.ts';
import { OF_RECORD, storageError, systemCode } from './durable-file.ts';

export interface SqliteError extends Error {
  readonly code: 'ERR_SQLITE_ERROR';
  /** Extended result code; its low byte is the primary one. */
  readonly errcode: number;
}

export interface SqliteProblem {
  readonly type: FailureType;
  /** What the system has against it. Undefined: nothing, or SQLite says enough. */
  readonly systemCode: string | undefined;
  /** For a message: the system's own code first, where it has one. */
  readonly text: string;
}

const SUFFIXES = ['', '-wal', '-shm', '-journal'];
/** The file, its two companions, the folder, and a temporary file. */
const DESCRIPTORS = 5;

export function isSqliteError(error: unknown): error is SqliteError {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'ERR_SQLITE_ERROR' &&
    'errcode' in error &&
    typeof error.errcode === 'number'
  );
}

/** @param path of the database's file; undefined: it is in memory */
export function sqliteProblem(
  error: SqliteError,
  use: Exclude<SqliteUse, 'register'>,
  path: string | undefined,
): SqliteProblem {
  const type = sqliteFailureType(error.errcode, use);
  const said = `${error.message} (SQLite ${error.errcode})`;
  if (path === undefined || !isUnexplained(error.errcode)) return { type, systemCode: undefined, text: said };
  const code = systemProblem(path);
  const passing = type === 'permission-denied' ? 'storage-failed' : type;
  const text = code === undefined ? said : `${code}: ${said}`;
  return { type: deniedOrPasses(code, passing), systemCode: code, text };
}

/** What the system has against this file's being opened and written now, by its own code. Undefined: nothing. */
export function systemProblem(path: string): string | undefined {
  const taken: number[] = [];
  try {
    // As many descriptors as SQLite takes: it has given its own back by now.
    for (let count = 0; count < DESCRIPTORS; count++)
      taken.push(openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY));
    accessSync(dirname(path), constants.W_OK);
    for (const suffix of SUFFIXES) mustBeUsable(path + suffix);
    return statfsSync(dirname(path)).bavail === 0 ? 'ENOSPC' : undefined;
  } catch (error) {
    return systemCode(error);
  } finally {
    taken.forEach(closeSync);
  }
}

/**
 * Before SQLite opens a file that must be written: it would open for reading what it may not write, and make companions
 * that nobody may write either.
 * @throws HoldfastError naming the file that is in the way
 */
export function mustBeWritable(path: string): void {
  for (const suffix of SUFFIXES) {
    try {
      mustBeUsable(path + suffix);
    } catch (error) {
      throw storageError('write', path + suffix, error, OF_RECORD);
    }
  }
}

function mustBeUsable(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (stat.isDirectory()) throw Object.assign(new Error(`${path} is a folder`), { code: 'EISDIR' });
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    // Whoever had the database open last takes its companions along.
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}
