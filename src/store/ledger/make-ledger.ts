/**
 * Makes a ledger as a whole where there is none.
 *
 * Invariants
 * 1. While it is made it has another name: after a kill at any point there is none, or the whole.
 * 2. It gets its name by a link: a ledger that is there is never replaced.
 * 3. A log of SQLite's that belonged to the ledger before is set aside first: SQLite would take it for the new one's.
 */
import { closeSync, constants, lstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HoldfastError } from '../../model/failure.ts';
import {
  linkUnlessThere,
  makeDirectory,
  OF_RECORD,
  removeDirectory,
  renameFile,
  storageError,
  syncDirectory,
  syncFile,
  systemCode,
  unlinkFile,
  writeDurably,
} from '../durable-file.ts';
import { LEDGER_FILE, LedgerFile } from './file.ts';
import { checkVersion } from './meta.ts';
import { tablesOf, type LedgerTables } from './tables.ts';

/** Below `.holdfast`: a ledger that is being made. */
const BUILDING = 'ledger-being-made';
/** Below `.holdfast`: what was a ledger, or part of one. */
export const LOST_LEDGERS = 'lost';
const NOTE = 'why.txt';
const COMPANIONS = ['-wal', '-shm', '-journal'];

/**
 * Call under the workspace's lock. Safe to repeat after a kill.
 * @param fill writes the rows, in as many transactions as it likes: nobody sees the ledger before it is whole
 * @returns what that has returned
 * @throws HoldfastError `foreign-ledger` where there is one already; `storage-failed`, `permission-denied`
 */
export async function makeLedger<T>(directory: string, fill: (tables: LedgerTables) => Promise<T> | T): Promise<T> {
  const path = join(directory, LEDGER_FILE);
  const building = join(directory, BUILDING);
  mustBeFree(path);
  removeBuilding(building);
  makeDirectory(building, 0o700);
  const file = LedgerFile.open(building, { create: true }, checkVersion);
  let filled: T;
  try {
    filled = await fill(tablesOf(file));
  } finally {
    file.close();
  }
  const made = join(building, LEDGER_FILE);
  mustBeOneFile(made);
  syncWhole(made);
  setStrayLogsAside(directory);
  if (!linkUnlessThere(made, path)) throw taken(path);
  syncDirectory(directory);
  removeBuilding(building);
  return filled;
}

/**
 * Moves a ledger out of the way, with SQLite's files beside it. Call under the workspace's lock, with no connection
 * open. Safe to repeat after a kill.
 * @param as a name that no other has
 * @param why a note beside it, for whoever goes on after a kill
 */
export function setLedgerAside(directory: string, as: string, why = ''): void {
  const names = [LEDGER_FILE, ...COMPANIONS.map((ending) => LEDGER_FILE + ending)].filter((name) =>
    isAnything(join(directory, name)),
  );
  if (names.length === 0) return;
  const folder = join(directory, LOST_LEDGERS, as);
  makeDirectory(folder, 0o700);
  writeDurably(join(folder, NOTE), `${why}\n`, { mode: 0o600 });
  for (const name of names) renameFile(join(directory, name), join(folder, name));
  syncDirectory(folder);
  syncDirectory(directory);
}

/** What was noted when a ledger was moved out of the way by this name. Undefined: none was. */
export function noteAside(directory: string, as: string): string | undefined {
  try {
    return readFileSync(join(directory, LOST_LEDGERS, as, NOTE), 'utf8').trim();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw storageError('read', join(directory, LOST_LEDGERS, as), error, OF_RECORD);
  }
}

/** On a disk that fails SQLite leaves its log, with what is not in the file yet. */
function mustBeOneFile(path: string): void {
  if (!isAnything(`${path}-wal`)) return;
  throw new HoldfastError('storage-failed', `SQLite could not write all of ${path}; it is made again.`, {
    path,
    ...OF_RECORD,
  });
}

function mustBeFree(path: string): void {
  if (isAnything(path)) throw taken(path);
}

function taken(path: string): HoldfastError {
  return new HoldfastError('foreign-ledger', `There is a ledger at ${path} already. Nothing was changed.`, {
    path,
    ...OF_RECORD,
  });
}

/** Also a symbolic link to nowhere. */
function isAnything(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw storageError('look at', path, error, OF_RECORD);
  }
}

/** SQLite's files of a ledger that is gone. */
function setStrayLogsAside(directory: string): void {
  if (!COMPANIONS.some((ending) => isAnything(join(directory, LEDGER_FILE + ending)))) return;
  setLedgerAside(directory, `log-${Date.now()}`);
}

function syncWhole(path: string): void {
  const file = openSync(path, constants.O_RDONLY);
  try {
    syncFile(file, path);
  } finally {
    closeSync(file);
  }
}

function removeBuilding(building: string): void {
  let names: readonly string[];
  try {
    names = readdirSync(building);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw storageError('read', building, error, OF_RECORD);
  }
  for (const name of names) unlinkFile(join(building, name));
  removeDirectory(building);
}
