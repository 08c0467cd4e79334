/**
 * Which attempts each worker of this host has in hand, kept beside a lock that the worker holds for its life. A worker
 * that starts obtains the locks of dead ones, and learns what they had.
 *
 * Invariants
 * 1. Only whoever holds a worker's lock reads its attempts as a dead one's; the operating system gives the lock, and
 *    only death frees it.
 * 2. A folder is there before its lock is: a worker whose new folder was taken for a dead one's meanwhile makes another.
 * 3. Nothing here is needed for correctness: what is lost with the host is noticed by heartbeat timeouts.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { randomUUID } from 'node:crypto';

export interface Attempt {
  readonly taskToken: Uint8Array;
  readonly namespace: string;
  readonly workflowId: string;
  readonly runId: string;
}

export interface DeadWorker {
  readonly attempts: readonly Attempt[];
  /** Workflows that it served: the server still holds their Tasks back for it. */
  readonly workflows: readonly { readonly namespace: string; readonly workflowId: string; readonly runId: string }[];
}

/** A worker that starts may be taken for dead, before it has its lock, so often. */
const MAX_ATTEMPTS = 10;

/** At most so many Workflows are remembered. */
const MAX_SERVED = 1_000;

/** Where workers of this host note what they do. */
export function stateDirectory(env: Readonly<Record<string, string | undefined>>): string {
  const explicit = env['HOLDFAST_STATE_DIR'];
  if (explicit !== undefined && explicit !== '') return explicit;
  return join(env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'holdfast');
}

export class WorkerRegister {
  readonly #directory: string;
  readonly #lock: DatabaseSync;
  readonly #notes: DatabaseSync;
  readonly #serve: StatementSync;
  readonly #begin: StatementSync;
  readonly #end: StatementSync;
  readonly #served = new Set<string>();

  /**
   * Opens a register of this worker's own. `server`: only workers of the same one are taken for predecessors.
   * @throws Error `ENOENT`, `EACCES`, … from the system if the folder can't be used
   */
  static open(stateDirectory: string, server: string): WorkerRegister {
    const siblings = join(stateDirectory, 'workers', encodeURIComponent(server));
    for (let attempt = 1; ; attempt++) {
      const register = tryOpen(join(siblings, randomUUID()), attempt === MAX_ATTEMPTS);
      if (register !== undefined) return new WorkerRegister(...register);
    }
  }

  private constructor(directory: string, lock: DatabaseSync, notes: DatabaseSync) {
    this.#directory = directory;
    this.#lock = lock;
    this.#notes = notes;
    this.#serve = notes.prepare('INSERT OR IGNORE INTO served VALUES (?, ?, ?)');
    this.#begin = notes.prepare('INSERT OR REPLACE INTO attempt VALUES (?, ?, ?, ?)');
    this.#end = notes.prepare('DELETE FROM attempt WHERE task_token = ?');
  }

  /** Notes an attempt; returns what ends the note. */
  begin({ taskToken, namespace, workflowId, runId }: Attempt): () => void {
    const key = `${namespace} ${workflowId} ${runId}`;
    if (!this.#served.has(key) && this.#served.size < MAX_SERVED) {
      this.#served.add(key);
      this.#serve.run(namespace, workflowId, runId);
    }
    this.#begin.run(taskToken, namespace, workflowId, runId);
    return () => {
      if (this.#notes.isOpen) this.#end.run(taskToken);
    };
  }

  /** Takes over what dead workers of this host and server left; each is returned once. */
  takeDead(): readonly DeadWorker[] {
    const siblings = join(this.#directory, '..');
    return readdirSync(siblings)
      .map((name) => join(siblings, name))
      .filter((directory) => directory !== this.#directory)
      .flatMap((directory) => takeIfDead(directory) ?? []);
  }

  /** A worker that ends as it should leaves nothing behind. */
  close(): void {
    this.#notes.close();
    // While it still has the lock: nobody takes what is being removed.
    removeRegister(this.#directory);
    this.#lock.close();
  }
}

/** Undefined: before it had the lock another worker took the new folder for a dead one's. `isLast`: that is an error then. */
function tryOpen(directory: string, isLast: boolean): [string, DatabaseSync, DatabaseSync] | undefined {
  mkdirSync(directory, { recursive: true });
  const opened: DatabaseSync[] = [];
  try {
    const lock = new DatabaseSync(join(directory, 'alive.sqlite'));
    opened.push(lock);
    lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
    const notes = new DatabaseSync(join(directory, 'attempts.sqlite'));
    opened.push(notes);
    // Survives the process, not the host: that is all it is for.
    notes.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
      CREATE TABLE IF NOT EXISTS attempt (task_token BLOB PRIMARY KEY, namespace TEXT NOT NULL, workflow_id TEXT NOT NULL, run_id TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS served (namespace TEXT NOT NULL, workflow_id TEXT NOT NULL, run_id TEXT NOT NULL, PRIMARY KEY (namespace, workflow_id, run_id)) STRICT;`);
    // Whoever had the lock before may have removed the file that is locked now.
    if (existsSync(join(directory, 'alive.sqlite'))) return [directory, lock, notes];
  } catch (error) {
    if (isLast || !isTakenByAnother(error)) {
      opened.forEach((database) => database.close());
      throw error;
    }
  }
  opened.forEach((database) => database.close());
  return undefined;
}

function takeIfDead(directory: string): DeadWorker | undefined {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(join(directory, 'alive.sqlite'));
    lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
    const notes = new DatabaseSync(join(directory, 'attempts.sqlite'));
    try {
      const attempts = tableOf(notes, 'attempt').map((row) => ({
        taskToken: row['task_token'] as Uint8Array,
        ...executionOf(row),
      }));
      return { attempts, workflows: tableOf(notes, 'served').map(executionOf) };
    } finally {
      notes.close();
      removeRegister(directory);
    }
  } catch (error) {
    // Locked: it lives. Not there: another successor has taken it.
    if (isTakenByAnother(error)) return undefined;
    throw error;
  } finally {
    lock?.close();
  }
}

/** SQLITE_BUSY, SQLITE_CANTOPEN; SQLITE_READONLY and SQLITE_IOERR: the file was removed under an open connection. */
const OF_ANOTHER = new Set([5, 8, 10, 14]);

function isTakenByAnother(error: unknown): boolean {
  return OF_ANOTHER.has(((error as { errcode?: number }).errcode ?? 0) & 0xff);
}

/** The notes first: whoever comes once the lock's file has gone makes another and finds nothing to take. What it makes is then its to remove. */
function removeRegister(directory: string): void {
  try {
    for (const suffix of ['', '-wal', '-shm', '-journal'])
      rmSync(join(directory, `attempts.sqlite${suffix}`), { force: true });
    rmSync(directory, { recursive: true, force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
  }
}

function tableOf(notes: DatabaseSync, table: 'attempt' | 'served'): Record<string, unknown>[] {
  const exists = notes.prepare(`SELECT 1 FROM sqlite_schema WHERE name = ?`).get(table) !== undefined;
  return exists ? (notes.prepare(`SELECT * FROM ${table}`).all() as Record<string, unknown>[]) : [];
}

function executionOf(row: Record<string, unknown>): {
  readonly namespace: string;
  readonly workflowId: string;
  readonly runId: string;
} {
  return {
    namespace: row['namespace'] as string,
    workflowId: row['workflow_id'] as string,
    runId: row['run_id'] as string,
  };
}
