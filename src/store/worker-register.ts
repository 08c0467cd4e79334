/**
 * Which attempts each worker of this host has in hand, kept beside a lock that the worker holds for its life. A worker
 * that starts obtains the locks of dead ones, and learns what they had.
 *
 * Invariants
 * 1. Only whoever holds a worker's lock reads its attempts as a dead one's; the operating system gives the lock, and
 *    only death frees it.
 * 2. Nothing here is needed for correctness: what is lost with the host is noticed by heartbeat timeouts.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
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

  /** Opens a register of this worker's own. `server`: only workers of the same one are taken for predecessors. */
  static open(stateDirectory: string, server: string): WorkerRegister {
    const directory = join(stateDirectory, 'workers', encodeURIComponent(server), randomUUID());
    mkdirSync(directory, { recursive: true });
    const lock = new DatabaseSync(join(directory, 'alive.sqlite'));
    lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
    const notes = new DatabaseSync(join(directory, 'attempts.sqlite'));
    // Survives the process, not the host: that is all it is for.
    notes.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
      CREATE TABLE IF NOT EXISTS attempt (task_token BLOB PRIMARY KEY, namespace TEXT NOT NULL, workflow_id TEXT NOT NULL, run_id TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS served (namespace TEXT NOT NULL, workflow_id TEXT NOT NULL, run_id TEXT NOT NULL, PRIMARY KEY (namespace, workflow_id, run_id)) STRICT;`);
    return new WorkerRegister(directory, lock, notes);
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
    this.#lock.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function takeIfDead(directory: string): DeadWorker | undefined {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(join(directory, 'alive.sqlite'));
    lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
    const notes = new DatabaseSync(join(directory, 'attempts.sqlite'));
    try {
      const attempts = tableOf(notes, 'attempt').map((row) => ({ taskToken: row['task_token'] as Uint8Array, ...executionOf(row) }));
      return { attempts, workflows: tableOf(notes, 'served').map(executionOf) };
    } finally {
      notes.close();
      rmSync(directory, { recursive: true, force: true });
    }
  } catch (error) {
    const primary = ((error as { errcode?: number }).errcode ?? 0) & 0xff;
    // Locked: it lives. Not there: another successor has taken it.
    if (primary === 5 || primary === 14) return undefined;
    throw error;
  } finally {
    lock?.close();
  }
}

function tableOf(notes: DatabaseSync, table: 'attempt' | 'served'): Record<string, unknown>[] {
  const exists = notes.prepare(`SELECT 1 FROM sqlite_schema WHERE name = ?`).get(table) !== undefined;
  return exists ? (notes.prepare(`SELECT * FROM ${table}`).all() as Record<string, unknown>[]) : [];
}

function executionOf(row: Record<string, unknown>): { readonly namespace: string; readonly workflowId: string; readonly runId: string } {
  return { namespace: row['namespace'] as string, workflowId: row['workflow_id'] as string, runId: row['run_id'] as string };
}
