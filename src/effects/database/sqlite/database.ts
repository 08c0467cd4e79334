/**
 * A SQLite file as a job's database, on `node:sqlite`.
 *
 * Invariant: `node:sqlite` is synchronous, so nothing waits inside it: locks are requested without waiting and
 * requested again later; long reads give others a turn between chunks.
 */
import path from 'node:path';
import type { Json, JsonObject } from '../../../model/canonical-json.ts';
import { HoldfastError } from '../../../model/failure.ts';
import {
  ABSENT,
  type IdentityState,
  type RowState,
  type SchemaState,
  type TokenState,
} from '../../../model/record/world.ts';
import { atPoints } from '../../../store/fault-point.ts';
import { AsyncMutex } from '../async-mutex.ts';
import type {
  Database,
  DatabaseTransaction,
  Fence,
  QueryOptions,
  QueryResult,
  RowRequest,
  TransactionTimeouts,
} from '../database.ts';
import { parseTableName } from '../table-name.ts';
import { rowObjects } from '../row-objects.ts';
import { decodeSqlite } from '../values.ts';
import { findTable } from './catalog.ts';
import { retryWhileBusy } from './busy.ts';
import type { SqliteConnection } from './connection.ts';
import { SqliteFile, type SqliteOptions } from './file.ts';
import {
  createMissingTables,
  hasAllTables,
  hasTable,
  putFence,
  raiseFence,
  readFence,
  readIdentity,
  readTokens,
  readTokensOfJob,
} from './own-tables.ts';
import type { FoundRow, Reach, ReferringRequest } from '../reach.ts';
import { referringRows } from './reach.ts';
import { readSqliteRows } from './rows.ts';
import { spelledKey } from './spelled-key.ts';
import { SqliteTransaction } from './transaction.ts';

/** How long reads and Holdfast's own small writes wait for a lock. */
const LOCK_TIMEOUT_MS = 5000;
/** How long closing waits for reads and transactions that are still open. */
const CLOSE_GRACE_MS = 2000;

/** Opens a SQLite file. Touches nothing until the first call; safe to repeat. */
export function openSqlite(options: SqliteOptions): Promise<Database> {
  if (!path.isAbsolute(options.filePath))
    return Promise.reject(
      new HoldfastError('bad-input', `Database ${options.name}: expected an absolute path, found ${options.filePath}.`),
    );
  return Promise.resolve(new SqliteDatabase(options));
}

class SqliteDatabase implements Database {
  readonly dialect = 'sqlite';
  readonly name: string;
  readonly filePath: string;
  readonly #file: SqliteFile;
  readonly #readLock: AsyncMutex;
  readonly #writeLock: AsyncMutex;

  constructor(options: SqliteOptions) {
    this.name = options.name;
    this.filePath = options.filePath;
    this.#file = new SqliteFile(options);
    this.#readLock = new AsyncMutex(`reading database ${options.name}`);
    this.#writeLock = new AsyncMutex(`writing database ${options.name}`);
  }

  identity(): Promise<IdentityState> {
    return this.#read((connection) => readIdentity(connection, this.filePath));
  }

  query(sql: string, params: readonly Json[], { signal, maxRows }: QueryOptions = {}): Promise<QueryResult> {
    return this.#read((connection) => {
      if (signal?.aborted) throw this.#cancelled(signal);
      const result = connection.query(sql, params, maxRows);
      return { rows: rowObjects(this.name, result, decodeSqlite), tables: result.tables };
    });
  }

  schema(table: string): Promise<SchemaState> {
    return this.#withReader((connection) => {
      const name = parseTableName(table);
      return connection.knownSchema(name) ?? inSnapshot(connection, () => connection.schema(name));
    });
  }

  /** A name leads to one table only. */
  locate(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  hiding(tables: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#read(
      (connection) => new Set(tables.filter((table) => findTable(connection, parseTableName(table))?.type === 'view')),
    );
  }

  rows(requests: readonly RowRequest[]): Promise<readonly RowState[]> {
    return this.#read((connection) => readSqliteRows(connection, this.name, requests));
  }

  reach(tables: readonly string[]): Promise<Reach> {
    return this.#read((connection) => connection.reach(tables.map(parseTableName)));
  }

  referring(request: ReferringRequest): Promise<readonly FoundRow[]> {
    return this.#read((connection) => referringRows(connection, this.name, request));
  }

  spelledKeys(keys: readonly Pick<RowRequest, 'table' | 'key'>[]): Promise<readonly JsonObject[]> {
    const spell = (connection: SqliteConnection): JsonObject[] =>
      keys.map(({ table, key }) => spelledKey(connection, parseTableName(table), key));
    // What is known of one table needs no snapshot.
    return keys.length > 1 ? this.#read(spell) : this.#withReader(spell);
  }

  async ensureHoldfastTables(): Promise<void> {
    if (await this.#read((connection) => hasAllTables(connection, this.name))) return;
    await this.#write((connection) => createMissingTables(connection, this.name));
  }

  /** There is no search_path. */
  strayFenceTable(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  tokens(tokens: readonly string[]): Promise<ReadonlyMap<string, TokenState>> {
    return this.#read((connection) =>
      hasTable(connection, this.name, 'holdfast_token')
        ? readTokens(connection, tokens)
        : new Map<string, TokenState>(tokens.map((token) => [token, ABSENT])),
    );
  }

  tokensOfJob(jobId: string): Promise<readonly string[]> {
    return this.#read((connection) =>
      hasTable(connection, this.name, 'holdfast_token') ? readTokensOfJob(connection, jobId) : [],
    );
  }

  fence(jobId: string): Promise<Fence | undefined> {
    return this.#read((connection) =>
      hasTable(connection, this.name, 'holdfast_fence') ? readFence(connection, jobId) : undefined,
    );
  }

  raiseFence(jobId: string, term: number): Promise<Fence> {
    return this.#write((connection) => raiseFence(connection, jobId, term));
  }

  resetFence(jobId: string, fence: Fence): Promise<void> {
    return this.#write((connection) => putFence(connection, jobId, fence));
  }

  async begin({ lockTimeoutMs, idleTimeoutMs }: TransactionTimeouts): Promise<DatabaseTransaction> {
    const release = await this.#writeLock.acquire(lockTimeoutMs);
    try {
      return new SqliteTransaction({
        database: this.name,
        connection: await retryWhileBusy(lockTimeoutMs, () => this.#beginWriting()),
        lockTimeoutMs,
        idleTimeoutMs,
        readIdentity: (from) => readIdentity(from, this.filePath),
        assertSameFile: () => this.#file.assertSameFile(),
        onEnd: release,
      });
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Safe to repeat. */
  async close(): Promise<void> {
    if (this.#file.isClosed) return;
    this.#file.refuse();
    // Whoever is still at it after that time loses the connection: SQLite rolls back.
    await Promise.allSettled([this.#readLock.acquire(CLOSE_GRACE_MS), this.#writeLock.acquire(CLOSE_GRACE_MS)]);
    this.#file.closeConnections();
  }

  #beginWriting(): SqliteConnection {
    const connection = this.#file.writer();
    connection.run('BEGIN IMMEDIATE');
    return connection;
  }

  /** One of Holdfast's own small writes, as one transaction. */
  async #write<T>(call: (connection: SqliteConnection) => T): Promise<T> {
    const release = await this.#writeLock.acquire(LOCK_TIMEOUT_MS);
    try {
      return await retryWhileBusy(LOCK_TIMEOUT_MS, () => {
        const connection = this.#beginWriting();
        return connection.commitAfter(
          () => call(connection),
          () => atPoints('database-commit', () => connection.run('COMMIT')),
        );
      });
    } finally {
      release();
    }
  }

  /** Everything that `call` reads comes from one snapshot. */
  #read<T>(call: (connection: SqliteConnection) => T | Promise<T>): Promise<T> {
    return this.#withReader((connection) => inSnapshot(connection, call));
  }

  /** Tried again as a whole while another holds the file. */
  async #withReader<T>(call: (connection: SqliteConnection) => T | Promise<T>): Promise<T> {
    const release = await this.#readLock.acquire(LOCK_TIMEOUT_MS);
    try {
      return await retryWhileBusy(LOCK_TIMEOUT_MS, () => call(this.#file.reader()));
    } finally {
      release();
    }
  }

  #cancelled(signal: AbortSignal): HoldfastError {
    const text = `Database ${this.name}: the query was cancelled before it ran.`;
    return new HoldfastError('cancelled', text, {}, { cause: signal.reason });
  }
}

async function inSnapshot<T>(
  connection: SqliteConnection,
  call: (connection: SqliteConnection) => T | Promise<T>,
): Promise<T> {
  connection.run('BEGIN');
  try {
    return await call(connection);
  } finally {
    if (connection.isInTransaction) connection.run('ROLLBACK');
  }
}
