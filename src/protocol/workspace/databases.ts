/**
 * The databases of a workspace's jobs, each opened once.
 *
 * Invariant: a database that is expected is never created: a file of it that is not there is out of reach, not empty.
 */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { openDatabase } from '../../effects/database/open.ts';
import type { Database } from '../../effects/database/database.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import { makeDirectoryPath, storageError } from '../../store/durable-file.ts';
import { isSqliteUrl, resolveUrl, urlIfSet, type WorkerEnv } from './database-url.ts';

interface OpenedDatabase {
  readonly url: string;
  readonly opened: Promise<Database>;
}

export class WorkspaceDatabases {
  readonly #root: string;
  readonly #env: WorkerEnv;
  readonly #open = new Map<string, OpenedDatabase>();
  #expected: ReadonlySet<string> = new Set();

  /** @param root of the workspace */
  constructor(root: string, env: WorkerEnv) {
    this.#root = root;
    this.#env = env;
  }

  /** @throws HoldfastError `undeclared-database`, `missing-variable`, `storage-unreachable`, … */
  async open(name: string, reference: string): Promise<Database> {
    const url = resolveUrl(name, reference, this.#env);
    const earlier = this.#open.get(name);
    if (earlier?.url === url) return await earlier.opened;
    if (isSqliteUrl(url)) this.#makeReady(name, this.#sqlitePath(url));
    const opened = openDatabase(
      { name, url },
      { workspaceRoot: this.#root, env: {}, create: () => !this.#expected.has(name) },
    );
    this.#open.set(name, { url, opened });
    opened.catch(() => {
      if (this.#open.get(name)?.opened === opened) this.#open.delete(name);
    });
    await earlier?.opened.then((database) => database.close());
    return await opened;
  }

  expect(names: ReadonlySet<string>): void {
    this.#expected = names;
  }

  /** Paths of the declared SQLite databases whose place is known. */
  sqlitePaths(declared: JobSettings['databases']): readonly string[] {
    return Object.values(declared).flatMap((reference) => {
      const url = urlIfSet(reference, this.#env);
      return url !== undefined && isSqliteUrl(url) ? [this.#sqlitePath(url)] : [];
    });
  }

  /** Closes a database's connections, so that the next use opens it anew. */
  async forget(name: string): Promise<void> {
    const known = this.#open.get(name);
    this.#open.delete(name);
    await known?.opened.then(
      (database) => database.close(),
      () => undefined,
    );
  }

  async close(): Promise<void> {
    for (const name of this.#open.keys()) await this.forget(name);
  }

  #sqlitePath(url: string): string {
    return resolve(this.#root, url.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, ''));
  }

  /**
   * A database may be declared in a folder of the workspace that nothing has created yet; one that the record knows is
   * there.
   */
  #makeReady(name: string, databasePath: string): void {
    if (this.#expected.has(name) && !existsSync(databasePath)) {
      throw new HoldfastError(
        'storage-unreachable',
        `Database "${name}": its file ${databasePath} is gone. ` +
          'Put it back; if it is to be gone, put an empty file there.',
        { name },
      );
    }
    const folder = dirname(databasePath);
    // Its name is durable before the record knows the database: SQLite syncs the names in it, never its own.
    try {
      if (folder.startsWith(`${this.#root}/`)) makeDirectoryPath(folder, this.#expected.has(name));
    } catch (error) {
      throw storageError('mkdir', folder, error);
    }
  }
}
