/**
 * Which attempts each worker of this host has in hand, noted beside a lock that the worker holds for its life. A worker
 * that starts obtains the locks of dead ones, and learns what they had.
 *
 * Invariant: nothing here is needed for correctness. What is lost with the host is noticed by heartbeat timeouts.
 */
import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { openOwnFolder, takeIfDead, type Attempt, type DeadWorker, type OwnFolder } from './folder.ts';

/** So often a new folder may be taken for a dead worker's before its lock is obtained. */
const MAX_FOLDERS = 10;

/** At most so many Workflows are remembered. */
const MAX_SERVED = 1_000;

/**
 * Where workers of this host note what they do: `HOLDFAST_STATE_DIR`, else `holdfast` in the user's folder for state.
 */
export function stateDirectory(env: Readonly<Record<string, string | undefined>>): string {
  const explicit = env['HOLDFAST_STATE_DIR'];
  if (explicit !== undefined && explicit !== '') return explicit;
  return join(env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'holdfast');
}

export class WorkerRegister {
  readonly #folder: OwnFolder;
  readonly #served = new Set<string>();

  /**
   * Opens a register of this worker's own in the host's state directory.
   * @param server only workers of the same one are taken for predecessors
   * @throws Error `ENOENT`, `EACCES`, … from the system if the folder can't be used
   */
  static open(directory: string, server: string): WorkerRegister {
    const siblings = join(directory, 'workers', encodeURIComponent(server));
    for (let count = 1; ; count++) {
      const folder = openOwnFolder(join(siblings, randomUUID()), count === MAX_FOLDERS);
      if (folder !== undefined) return new WorkerRegister(folder);
    }
  }

  private constructor(folder: OwnFolder) {
    this.#folder = folder;
  }

  /** Notes an attempt; returns what ends the note. */
  begin({ taskToken, namespace, workflowId, runId }: Attempt): () => void {
    const { notes } = this.#folder;
    const key = `${namespace} ${workflowId} ${runId}`;
    if (!this.#served.has(key) && this.#served.size < MAX_SERVED) {
      this.#served.add(key);
      notes.run('INSERT OR IGNORE INTO served VALUES (?, ?, ?)', namespace, workflowId, runId);
    }
    notes.run('INSERT OR REPLACE INTO attempt VALUES (?, ?, ?, ?)', taskToken, namespace, workflowId, runId);
    return () => {
      if (notes.isOpen) notes.run('DELETE FROM attempt WHERE task_token = ?', taskToken);
    };
  }

  /** Takes over what dead workers of this host and server had in hand; each is returned once. */
  takeDead(): readonly DeadWorker[] {
    const siblings = join(this.#folder.path, '..');
    return readdirSync(siblings)
      .map((name) => join(siblings, name))
      .filter((path) => path !== this.#folder.path)
      .flatMap((path) => takeIfDead(path) ?? []);
  }

  /** A worker that ends as it should leaves nothing behind. */
  close(): void {
    this.#folder.remove();
  }
}
