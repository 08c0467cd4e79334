/**
 * A SQLite file as a job's database, on `node:sqlite`.
 *
 * Invariants
 * 1. `node:sqlite` is synchronous, so nothing waits inside it: locks are asked for without waiting and asked again later;
 *    long reads give others a turn between chunks.
 * 2. Before each use the path is compared with the file that is open: a file that was replaced is opened anew, one that
 *    has gone is `storage-unreachable`, never a new empty database.
 * 3. Readers and the writer are two connections: what reads cannot write, whatever its statement says.
 */
import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import path from 'node:path';
import type { Json } from '../../../model/canonical-json.ts';
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
import type { Database, DatabaseTransaction, Fence, QueryResult, RowRequest } from '../database.ts';
import {
  createHoldfastTable,
  hasHoldfastTable,
  holdfastMark,
  readHoldfastMark,
  type HoldfastTable,
} from '../holdfast-tables.ts';
import { HOLDFAST_TABLES, parseTableName } from '../query-builder.ts';
import { SqliteConnection } from './connection.ts';
import { rowObjects } from '../row-objects.ts';
import { readSqliteRows } from './rows.ts';
import { readSqliteSchema } from './schema.ts';
import { retryWhileBusy, SqliteTransaction } from './transaction.ts';

/** How long reads and Holdfast's own small writes wait for a lock. */
const LOCK_TIMEOUT_MS = 5000;
/** How long closing waits for reads and transactions that are still open. */
const CLOSE_GRACE_MS = 2000;

export interface SqliteOptions {
  readonly name: string;
  /** Absolute. */
  readonly filePath: string;
  /** Whether a file that is not there yet may be created by the first write. Default true; false from when a record knows the database. */
  readonly create?: boolean | (() => boolean);
}

/** Opens a SQLite file. Touches nothing until the first call; safe to repeat. */
export function openSqlite(options: SqliteOptions): Promise<Database> {
  if (!path.isAbsolute(options.filePath))
    return Promise.reject(
      new HoldfastError('bad-input', `Database ${options.name}: expected an absolute path, found ${options.filePath}.`),
    );
  return Promise.resolve(new SqliteDatabase(options));
}

/** A connection and the file (device and inode) that it has open. */
interface OpenFile {
  readonly connection: SqliteConnection;
  readonly inode: string;
}

const NO_FILE = '';

class SqliteDatabase implements Database {
  readonly dialect = 'sqlite';
  readonly name: string;
  readonly filePath: string;
  readonly #mayCreate: () => boolean;
  readonly #readLock: AsyncMutex;
  readonly #writeLock: AsyncMutex;
  #reader: OpenFile | undefined;
  #writer: OpenFile | undefined;
  #wasSeen = false;
  #isClosed = false;

  constructor(options: SqliteOptions) {
    this.name = options.name;
    this.filePath = options.filePath;
    const { create = true } = options;
    this.#mayCreate = typeof create === 'function' ? create : () => create;
    this.#readLock = new AsyncMutex(`reading database ${options.name}`);
    this.#writeLock = new AsyncMutex(`writing database ${options.name}`);
  }

  identity(): Promise<IdentityState> {
    return this.#read((connection) => this.#readIdentity(connection));
  }

  query(sql: string, params: readonly Json[], signal?: AbortSignal): Promise<QueryResult> {
    return this.#read((connection) => {
      if (signal?.aborted)
        throw new HoldfastError(
          'cancelled',
          `Database ${this.name}: the query was cancelled before it ran.`,
          {},
          { cause: signal.reason },
        );
      const result = connection.query(sql, params);
      return { rows: rowObjects(this.name, result), tables: result.tables };
    });
  }

  schema(table: string): Promise<SchemaState> {
    return this.#read((connection) => connection.schema(parseTableName(table)));
  }

  rows(requests: readonly RowRequest[]): Promise<readonly RowState[]> {
    return this.#read((connection) => readSqliteRows(connection, this.name, requests));
  }

  async ensureHoldfastTables(): Promise<void> {
    if (await this.#read((connection) => HOLDFAST_TABLES.every((table) => this.#hasTable(connection, table)))) return;
    await this.#write((connection) => {
      const mark = holdfastMark(this.#databaseId(connection) ?? randomUUID());
      for (const table of HOLDFAST_TABLES) {
        if (this.#hasTable(connection, table)) continue;
        for (const statement of createHoldfastTable('sqlite', table, mark)) connection.run(statement);
      }
    });
  }

  tokens(tokens: readonly string[]): Promise<ReadonlyMap<string, TokenState>> {
    return this.#read((connection) => {
      const states = new Map<string, TokenState>(tokens.map((token) => [token, ABSENT]));
      if (!this.#hasTable(connection, 'holdfast_token')) return states;
      const rows = connection.all(
        'SELECT token, intent, "rows" FROM main.holdfast_token WHERE token IN (SELECT value FROM json_each(?))',
        [JSON.stringify(tokens)],
      );
      for (const row of rows)
        states.set(String(row[0]), { kind: 'token', intent: String(row[1]), rows: String(row[2]) });
      return states;
    });
  }

  tokensOfJob(jobId: string): Promise<readonly string[]> {
    return this.#read((connection) => {
      if (!this.#hasTable(connection, 'holdfast_token')) return [];
      return connection
        .all('SELECT token FROM main.holdfast_token WHERE job_id = ? ORDER BY token', [jobId])
        .map((row) => String(row[0]));
    });
  }

  fence(jobId: string): Promise<Fence | undefined> {
    return this.#read((connection) =>
      this.#hasTable(connection, 'holdfast_fence') ? readFence(connection, jobId) : undefined,
    );
  }

  raiseFence(jobId: string, term: number): Promise<Fence> {
    return this.#write((connection) => {
      connection.run(
        'INSERT INTO main.holdfast_fence (job_id, term) VALUES (?, ?) ON CONFLICT (job_id) DO UPDATE SET term = excluded.term WHERE term < excluded.term',
        [jobId, term],
      );
      return readFence(connection, jobId)!;
    });
  }

  resetFence(jobId: string, fence: Fence): Promise<void> {
    return this.#write((connection) => {
      connection.run(
        'INSERT INTO main.holdfast_fence (job_id, term, last_token) VALUES (?, ?, ?) ON CONFLICT (job_id) DO UPDATE SET term = excluded.term, last_token = excluded.last_token',
        [jobId, fence.term, fence.lastToken],
      );
    });
  }

  begin(options: {
    readonly lockTimeoutMs: number;
    readonly statementTimeoutMs: number;
    readonly idleTimeoutMs: number;
  }): Promise<DatabaseTransaction> {
    return this.#begin(options.lockTimeoutMs, options.idleTimeoutMs);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // Whoever is still at it after that time loses the connection: SQLite rolls back.
    await Promise.allSettled([this.#readLock.acquire(CLOSE_GRACE_MS), this.#writeLock.acquire(CLOSE_GRACE_MS)]);
    this.#reader?.connection.close();
    this.#writer?.connection.close();
  }

  async #begin(lockTimeoutMs: number, idleTimeoutMs: number): Promise<SqliteTransaction> {
    const release = await this.#writeLock.acquire(lockTimeoutMs);
    try {
      const { connection } = await retryWhileBusy(lockTimeoutMs, () => {
        const writer = this.#openWriter();
        writer.connection.run('BEGIN IMMEDIATE');
        return writer;
      });
      return new SqliteTransaction({
        database: this.name,
        connection,
        lockTimeoutMs,
        idleTimeoutMs,
        readIdentity: (from) => this.#readIdentity(from),
        assertSameFile: () => this.#assertSameFile(),
        onEnd: release,
      });
    } catch (error) {
      release();
      throw error;
    }
  }

  /** One of Holdfast's own small writes, as one transaction. */
  async #write<T>(call: (connection: SqliteConnection) => T): Promise<T> {
    const release = await this.#writeLock.acquire(LOCK_TIMEOUT_MS);
    try {
      return await retryWhileBusy(LOCK_TIMEOUT_MS, () => {
        const { connection } = this.#openWriter();
        connection.run('BEGIN IMMEDIATE');
        return inTransaction(connection, () => call(connection));
      });
    } finally {
      release();
    }
  }

  /** Everything that `call` reads comes from one snapshot. Tried again as a whole while another holds the file. */
  async #read<T>(call: (connection: SqliteConnection) => T | Promise<T>): Promise<T> {
    const release = await this.#readLock.acquire(LOCK_TIMEOUT_MS);
    try {
      return await retryWhileBusy(LOCK_TIMEOUT_MS, async () => {
        const { connection } = this.#openReader();
        connection.run('BEGIN');
        try {
          return await call(connection);
        } finally {
          if (connection.isInTransaction) connection.run('ROLLBACK');
        }
      });
    } finally {
      release();
    }
  }

  #openReader(): OpenFile {
    const inode = this.#currentInode();
    if (this.#reader?.inode === inode) return this.#reader;
    this.#reader?.connection.close();
    this.#reader = undefined;
    const filePath = inode === NO_FILE ? undefined : this.filePath;
    const connection = new SqliteConnection({ name: this.name, filePath, isReader: true, mayCreate: false });
    this.#reader = { connection, inode };
    return this.#reader;
  }

  #openWriter(): OpenFile {
    const inode = this.#currentInode();
    if (this.#writer !== undefined && this.#writer.inode === inode) return this.#writer;
    this.#writer?.connection.close();
    this.#writer = undefined;
    const connection = new SqliteConnection({
      name: this.name,
      filePath: this.filePath,
      isReader: false,
      mayCreate: inode === NO_FILE,
    });
    this.#writer = { connection, inode: inode === NO_FILE ? this.#currentInode() : inode };
    return this.#writer;
  }

  /** Device and inode of the file at the path, or NO_FILE where one may still be created. */
  #currentInode(): string {
    if (this.#isClosed) throw new HoldfastError('defect', `Database ${this.name} is closed.`);
    const inode = this.#inodeAtPath();
    if (inode !== undefined) {
      this.#wasSeen = true;
      return inode;
    }
    if (!this.#wasSeen && this.#mayCreate()) return NO_FILE;
    throw new HoldfastError(
      'storage-unreachable',
      `Database ${this.name}: the file ${this.filePath} is not there. Expected the database that the record knows; put it back.`,
      { database: this.name },
    );
  }

  #inodeAtPath(): string | undefined {
    try {
      const stat = statSync(this.filePath, { bigint: true, throwIfNoEntry: false });
      return stat && `${stat.dev}:${stat.ino}`;
    } catch (error) {
      throw new HoldfastError(
        'storage-unreachable',
        `Database ${this.name}: the file ${this.filePath} cannot be looked at: ${String(error)}.`,
        { database: this.name },
        { cause: error },
      );
    }
  }

  #assertSameFile(): void {
    if (this.#inodeAtPath() === this.#writer?.inode) return;
    throw new HoldfastError(
      'storage-unreachable',
      `Database ${this.name}: the file ${this.filePath} was replaced or removed while a transaction was open. Nothing was committed.`,
      { database: this.name },
    );
  }

  #readIdentity(connection: SqliteConnection): IdentityState {
    return {
      kind: 'identity',
      system: this.#databaseId(connection) ?? 'unmarked',
      timeline: '1',
      name: path.basename(this.filePath),
    };
  }

  /** The identifier in the mark of the token table: it goes with the file through copies and backups. */
  #databaseId(connection: SqliteConnection): string | undefined {
    return readHoldfastMark(createText(connection, 'holdfast_token'))?.databaseId;
  }

  #hasTable(connection: SqliteConnection, table: HoldfastTable): boolean {
    const found = connection.shape({ schema: 'main', name: table });
    if (found === undefined) return false;
    return hasHoldfastTable(
      this.name,
      table,
      readSqliteSchema(connection, { schema: 'main', name: table }),
      createText(connection, table),
    );
  }
}

function inTransaction<T>(connection: SqliteConnection, call: () => T): T {
  try {
    const result = call();
    atPoints('database-commit', () => connection.run('COMMIT'));
    return result;
  } catch (error) {
    if (connection.isInTransaction) connection.run('ROLLBACK');
    connection.forgetShapes();
    throw error;
  }
}

function readFence(connection: SqliteConnection, jobId: string): Fence | undefined {
  const row = connection.all('SELECT term, last_token FROM main.holdfast_fence WHERE job_id = ?', [jobId])[0];
  return row && { term: Number(row[0]), lastToken: row[1] === null ? null : String(row[1]) };
}

function createText(connection: SqliteConnection, table: HoldfastTable): string {
  return String(
    connection.all("SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?", [table])[0]?.[0] ?? '',
  );
}
