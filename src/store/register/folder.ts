/**
 * One worker's folder in the register: a file that it has locked for its life, and its notes.
 *
 * Invariants
 * 1. Only whoever holds a folder's lock reads its notes as a dead worker's (life.ts: only death frees it).
 * 2. A folder is there before its lock is: a worker whose new folder was taken for a dead one's meanwhile makes
 *    another.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../durable-file.ts';
import { Life } from '../life/life.ts';
import { SqliteStore, type NamedRow } from '../sqlite-store.ts';

/** One run of a Workflow. */
export interface Execution {
  readonly namespace: string;
  readonly workflowId: string;
  readonly runId: string;
}

export interface Attempt extends Execution {
  readonly taskToken: Uint8Array;
}

export interface DeadWorker {
  readonly attempts: readonly Attempt[];
  /** Workflows that it served: the server still holds their Tasks back for it. */
  readonly workflows: readonly Execution[];
}

export interface OwnFolder {
  readonly path: string;
  readonly notes: SqliteStore;
  /** Ends the notes, the folder and the lock, in this order. */
  readonly remove: () => void;
}

const LOCK_FILE = 'alive.sqlite';
const NOTES_FILE = 'attempts.sqlite';

const EXECUTION_COLUMNS = 'namespace TEXT NOT NULL, workflow_id TEXT NOT NULL, run_id TEXT NOT NULL';
const NOTES_TABLES = `
CREATE TABLE IF NOT EXISTS attempt (task_token BLOB PRIMARY KEY, ${EXECUTION_COLUMNS}) STRICT;
CREATE TABLE IF NOT EXISTS served (${EXECUTION_COLUMNS}, PRIMARY KEY (namespace, workflow_id, run_id)) STRICT;`;

/**
 * Makes a worker's own folder and locks it.
 * @param isLast a failure for which another folder would be tried is then an error
 * @returns undefined: before the lock was obtained another worker took the new folder for a dead one's
 */
export function openOwnFolder(path: string, isLast: boolean): OwnFolder | undefined {
  mkdirSync(path, { recursive: true });
  const lock = join(path, LOCK_FILE);
  const life = isLast ? Life.take(lock) : Life.tryTake(lock);
  if (life === undefined) return undefined;
  try {
    const notes = new SqliteStore(join(path, NOTES_FILE));
    // Survives the process, not the host: that is all it is for.
    notes.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; ${NOTES_TABLES}`);
    return { path, notes, remove: () => removeOwn(path, notes, life) };
  } catch (error) {
    life.end();
    throw error;
  }
}

/** Undefined: its worker lives, or another successor has taken it. */
export function takeIfDead(path: string): DeadWorker | undefined {
  const life = Life.tryTake(join(path, LOCK_FILE));
  if (life === undefined) return undefined;
  try {
    const notes = new SqliteStore(join(path, NOTES_FILE));
    try {
      return { attempts: rowsOf(notes, 'attempt', attemptFrom), workflows: rowsOf(notes, 'served', executionFrom) };
    } finally {
      notes.close();
      removeFolder(path);
    }
  } finally {
    life.end();
  }
}

function removeOwn(path: string, notes: SqliteStore, life: Life): void {
  notes.close();
  // While it still has the lock: nobody takes what is being removed.
  removeFolder(path);
  life.end();
}

/**
 * The notes first: whoever comes once the lock's file has gone makes another and finds nothing to take. What it makes
 * is then its to remove.
 */
function removeFolder(path: string): void {
  try {
    for (const suffix of ['', '-wal', '-shm', '-journal'])
      rmSync(join(path, `${NOTES_FILE}${suffix}`), { force: true });
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    if (systemCode(error) !== 'ENOTEMPTY') throw error;
  }
}

function rowsOf<T>(notes: SqliteStore, table: 'attempt' | 'served', read: (row: NamedRow) => T | undefined): T[] {
  // Its worker may have died before it created the tables.
  if (notes.get('SELECT 1 FROM sqlite_schema WHERE name = ?', table) === undefined) return [];
  return notes.all(`SELECT * FROM ${table}`).flatMap((row) => read(row) ?? []);
}

function attemptFrom(row: NamedRow): Attempt | undefined {
  const taskToken = row['task_token'];
  const execution = executionFrom(row);
  return taskToken instanceof Uint8Array && execution !== undefined ? { taskToken, ...execution } : undefined;
}

function executionFrom(row: NamedRow): Execution | undefined {
  const { namespace, workflow_id: workflowId, run_id: runId } = row;
  const isWhole = typeof namespace === 'string' && typeof workflowId === 'string' && typeof runId === 'string';
  return isWhole ? { namespace, workflowId, runId } : undefined;
}
