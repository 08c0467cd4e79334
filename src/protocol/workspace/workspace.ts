/**
 * One opened workspace: its lock, ledger, blobs and databases. Shared by all Activities of a process.
 *
 * Invariants
 * 1. The ledger is written only inside `exclusive`, and never through a handle whose file has been replaced.
 * 2. Nothing is created before a verification asks for it.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { openDatabase } from '../../effects/database/open.ts';
import type { Database } from '../../effects/database/database.ts';
import { WorkspaceFiles } from './files.ts';
import { Secrets } from '../secrets/secrets.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import { BlobStore } from '../../store/blobs/blobs.ts';
import { atPoints, faultPoint } from '../../store/fault-point.ts';
import { Ledger } from '../../store/ledger/ledger.ts';
import { openWorkspaceLock, type WorkspaceLock } from '../../store/lock/lock.ts';

export const HOLDFAST_DIRECTORY = '.holdfast';

export class Workspace {
  /** Absolute, symbolic links resolved. */
  readonly root: string;
  readonly directory: string;
  readonly blobs: BlobStore;
  readonly files: WorkspaceFiles;
  /** Of the whole process. */
  readonly secrets: Secrets;
  /** The worker's environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly #lock: WorkspaceLock;
  readonly #databases = new Map<string, { readonly url: string; readonly opened: Promise<Database> }>();
  #expected: ReadonlySet<string> = new Set();
  #ledger: Ledger | undefined;

  constructor(root: string, env: Readonly<Record<string, string | undefined>>, secrets = new Secrets(env)) {
    this.root = root;
    this.directory = join(root, HOLDFAST_DIRECTORY);
    this.secrets = secrets;
    this.env = env;
    this.#lock = openWorkspaceLock(this.directory);
    this.blobs = new BlobStore(join(this.directory, 'blobs'), { get: (digest) => this.#ledger?.content(digest) });
    this.files = new WorkspaceFiles(this.root, this.blobs);
  }

  /** Runs `work` under the workspace's lock with the ledger as it is on disk now. */
  async exclusive<T>(
    purpose: string,
    work: (ledger: Ledger) => Promise<T> | T,
    options: { readonly create?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<T> {
    return await this.#lock.hold(
      purpose,
      async () => {
        faultPoint('lock.taken');
        return await work(this.#openLedger(options.create === true));
      },
      options.signal === undefined ? {} : { signal: options.signal },
    );
  }

  /** A database of the job, opened once. @throws HoldfastError `undeclared-database`, `missing-variable`, `storage-unreachable`, … */
  async database(name: string, settings: JobSettings): Promise<Database> {
    const reference = settings.databases[name];
    if (reference === undefined) {
      throw new HoldfastError(
        'undeclared-database',
        `The job declares no database "${name}"; it declares ${Object.keys(settings.databases).join(', ') || 'none'}.`,
        { name },
      );
    }
    this.secrets.know(settings);
    const url = resolveUrl(name, reference, this.env);
    const known = this.#databases.get(name);
    if (known !== undefined && known.url === url) return await known.opened;
    if (url.startsWith('sqlite:')) this.#makeReady(name, this.#sqlitePath(url));
    const opened = openDatabase(
      { name, url },
      { workspaceRoot: this.root, env: {}, create: () => !this.#expected.has(name) },
    );
    this.#databases.set(name, { url, opened });
    opened.catch(() => {
      if (this.#databases.get(name)?.opened === opened) this.#databases.delete(name);
    });
    await known?.opened.then((database) => database.close());
    return await opened;
  }

  /** These databases are known: a file of theirs that is not there is never taken for an empty database. */
  expectDatabases(names: ReadonlySet<string>): void {
    this.#expected = names;
  }

  /** Declared SQLite databases that lie in the workspace are never file resources, also before they are opened. */
  reserveDatabases(settings: JobSettings): void {
    this.secrets.know(settings);
    for (const reference of Object.values(settings.databases)) {
      const variable = ENV_REFERENCE.exec(reference)?.[1];
      const url = variable === undefined ? reference : (this.env[variable] ?? '');
      if (url.startsWith('sqlite:')) this.files.reserve(this.#sqlitePath(url));
    }
  }

  /** Without connecting to it. @throws HoldfastError `missing-variable` */
  dialectOf(name: string, settings: JobSettings): 'sqlite' | 'postgres' {
    return resolveUrl(name, settings.databases[name] ?? '', this.env).startsWith('sqlite:') ? 'sqlite' : 'postgres';
  }

  /** Forgets a database's connections, so that the next use opens it anew. */
  async forget(name: string): Promise<void> {
    const known = this.#databases.get(name);
    this.#databases.delete(name);
    if (known !== undefined)
      await known.opened.then(
        (database) => database.close(),
        () => undefined,
      );
  }

  async close(): Promise<void> {
    for (const name of this.#databases.keys()) await this.forget(name);
    this.#ledger?.close();
    this.#ledger = undefined;
    await this.files.close();
    this.#lock.close();
  }

  #sqlitePath(url: string): string {
    return resolve(this.root, url.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, ''));
  }

  /** A database may be declared in a folder of the workspace that nothing has created yet; one that the record knows is there. */
  #makeReady(name: string, databasePath: string): void {
    if (this.#expected.has(name) && !existsSync(databasePath)) {
      throw new HoldfastError(
        'storage-unreachable',
        `Database "${name}": its file ${databasePath} is gone. Put it back; if it is to be gone, put an empty file there.`,
        { name },
      );
    }
    const folder = dirname(databasePath);
    if (folder.startsWith(`${this.root}/`)) atPoints('mkdir', () => mkdirSync(folder, { recursive: true }));
  }

  #openLedger(create: boolean): Ledger {
    if (this.#ledger !== undefined && !this.#ledger.isSameFile()) {
      this.#ledger.close();
      this.#ledger = undefined;
    }
    return (this.#ledger ??= Ledger.open(this.directory, { create }));
  }
}

const ENV_REFERENCE = /^\$\{\{\s*env\.([A-Za-z_]\w*)\s*\}\}$/;

/** @throws HoldfastError `missing-variable`, naming the variable and never a value */
export function resolveUrl(name: string, reference: string, env: Readonly<Record<string, string | undefined>>): string {
  const variable = ENV_REFERENCE.exec(reference)?.[1];
  if (variable === undefined) return reference;
  const value = env[variable];
  if (value === undefined || value === '') {
    throw new HoldfastError(
      'missing-variable',
      `Database "${name}" is at \${{ env.${variable} }}, and the worker's environment has no ${variable}.`,
      { name, variable },
    );
  }
  return value;
}
