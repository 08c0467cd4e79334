/**
 * One opened workspace: its lock, ledger, blobs and databases. Shared by all Activities of a process.
 *
 * Invariants
 * 1. The ledger is written only inside `exclusive`, and never through a handle whose file has been replaced.
 * 2. Nothing is created before a verification asks for it.
 */
import { dirname, join } from 'node:path';
import type { Database } from '../../effects/database/database.ts';
import type { Digest } from '../../model/digest.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import { HOLDFAST_DIRECTORY } from '../../model/step/workspace-path.ts';
import { BlobStore } from '../../store/blobs/blobs.ts';
import { faultPoint } from '../../store/fault-point.ts';
import { Ledger } from '../../store/ledger/ledger.ts';
import '../../store/native-digest.ts';
import { openStore } from '../../store/sealed/open-store.ts';
import type { SealedStore } from '../../store/sealed/store.ts';
import { openWorkspaceLock, type WorkspaceLock } from '../../store/lock/lock.ts';
import { Secrets } from '../secrets/secrets.ts';
import { declaredReference, isSqliteUrl, resolveUrl, type WorkerEnv } from './database-url.ts';
import { WorkspaceDatabases } from './databases.ts';
import { WorkspaceFiles } from './files.ts';
import { storeLocation } from './store-location.ts';

/** Contents by digest. */
export interface ContentSource {
  get(digest: Digest): Uint8Array | undefined;
}

export class Workspace {
  /** Absolute, symbolic links resolved. */
  readonly root: string;
  readonly directory: string;
  readonly blobs: BlobStore;
  readonly files: WorkspaceFiles;
  /** Of the whole process. */
  readonly secrets: Secrets;
  /** The worker's environment. */
  readonly env: WorkerEnv;
  /** What this worker has committed last, by database: its token. It outlives the database's handles. */
  readonly committed = new Map<string, Digest>();
  readonly #lock: WorkspaceLock;
  readonly #databases: WorkspaceDatabases;
  readonly #offers = new Set<ContentSource>();
  readonly #base: string;
  readonly #stores = new Map<string, SealedStore>();
  #ledger: Ledger | undefined;
  #copy: Ledger | undefined;

  /** @param base where relative paths of stores begin */
  constructor(root: string, env: WorkerEnv, secrets = new Secrets(env), base = dirname(root)) {
    this.root = root;
    this.#base = base;
    this.directory = join(root, HOLDFAST_DIRECTORY);
    this.secrets = secrets;
    this.env = env;
    this.#lock = openWorkspaceLock(this.directory);
    this.blobs = new BlobStore(join(this.directory, 'blobs'), {
      get: (digest) => this.#offered(digest) ?? (this.#copy ?? this.#ledger)?.content(digest),
    });
    this.files = new WorkspaceFiles(this.root, this.blobs);
    this.#databases = new WorkspaceDatabases(root, env);
  }

  /**
   * Runs `work` under the workspace's lock with the ledger as it is on disk now.
   * @param options.create a ledger that is missing is created. Default: false
   */
  async exclusive<T>(
    purpose: string,
    work: (ledger: Ledger) => Promise<T> | T,
    options: { readonly create?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<T> {
    return await this.#lock.hold(
      purpose,
      async () => {
        faultPoint('lock.taken');
        const ledger = this.#openLedger(options.create === true);
        return await ledger.held(() => work(ledger));
      },
      options.signal === undefined ? {} : { signal: options.signal },
    );
  }

  /** Runs `work` under the workspace's lock while no ledger is open: for whoever makes one, or moves one away. */
  async withoutLedger<T>(purpose: string, work: () => Promise<T> | T): Promise<T> {
    return await this.#lock.hold(purpose, async () => {
      this.letGoOfLedger();
      return await work();
    });
  }

  /**
   * A database of the job, opened once.
   * @throws HoldfastError `undeclared-database`, `missing-variable`, `storage-unreachable`, …
   */
  async database(name: string, settings: JobSettings): Promise<Database> {
    const reference = declaredReference(name, settings);
    this.secrets.know(settings);
    return await this.#databases.open(name, reference);
  }

  /** The record knows these databases: a file of theirs that is not there is never taken for an empty database. */
  expectDatabases(names: ReadonlySet<string>): void {
    this.#databases.expect(names);
  }

  /** Declared SQLite databases that lie in the workspace are never file resources, also before they are opened. */
  reserveDatabases(settings: JobSettings): void {
    this.secrets.know(settings);
    for (const path of this.#databases.sqlitePaths(settings.databases)) this.files.reserve(path);
  }

  /** Without connecting to it. @throws HoldfastError `missing-variable` */
  dialectOf(name: string, settings: JobSettings): 'sqlite' | 'postgres' {
    return isSqliteUrl(resolveUrl(name, settings.databases[name] ?? '', this.env)) ? 'sqlite' : 'postgres';
  }

  /** Where the job's checkpoints are kept, opened once. @throws HoldfastError `missing-variable`, `bad-input` */
  checkpointStore({ checkpoint }: JobSettings): SealedStore {
    const reference = checkpoint!.store;
    const opened = this.#stores.get(reference);
    if (opened !== undefined) return opened;
    const store = openStore(storeLocation(reference, this.env), { base: this.#base });
    this.#stores.set(reference, store);
    return store;
  }

  /** Closes a database's connections, so that the next use opens it anew. */
  async forget(name: string): Promise<void> {
    await this.#databases.forget(name);
  }

  /** Small contents that are about to be written to the ledger count as stored while `use` runs. */
  async offering<T>(contents: ContentSource, use: () => Promise<T>): Promise<T> {
    this.#offers.add(contents);
    try {
      return await use();
    } finally {
      this.#offers.delete(contents);
    }
  }

  #offered(digest: Digest): Uint8Array | undefined {
    for (const offer of this.#offers) {
      const bytes = offer.get(digest);
      if (bytes !== undefined) return bytes;
    }
    return undefined;
  }

  /** For whoever only looks: small contents are in the ledger, of which this is a copy. */
  readContentsFrom(copy: Ledger): void {
    this.#copy = copy;
  }

  /** The next use opens the file anew that is at the path then. Call under the lock. */
  letGoOfLedger(): void {
    this.#ledger?.close();
    this.#ledger = undefined;
  }

  async close(): Promise<void> {
    await this.#databases.close();
    for (const store of this.#stores.values()) await store.close();
    this.#stores.clear();
    this.letGoOfLedger();
    this.#lock.close();
  }

  #openLedger(create: boolean): Ledger {
    if (this.#ledger?.isUsable() === false) this.letGoOfLedger();
    return (this.#ledger ??= Ledger.open(this.directory, { create }));
  }
}
