/**
 * One database that a job declares, whatever its dialect. The protocol knows only this interface; one conformance suite
 * runs over every implementation.
 *
 * Invariants
 * 1. `connect` never creates a database and changes nothing; `ensureHoldfastTables` creates `holdfast_token` and
 *    `holdfast_fence` and nothing else, and may be repeated.
 * 2. Identifiers are quoted by the dialect, never concatenated raw. A table may be `schema.table`.
 * 3. Failures are HoldfastErrors: `storage-unreachable` (connection refused, lost, server stopping), `busy` (lock,
 *    statement or idle timeout, serialization failure, deadlock, SQLITE_BUSY), `permission-denied`, `unknown-table`,
 *    `sql-failed` (everything that trying again cannot mend: syntax, constraint, type).
 * 4. Values are canonical JSON scalars: what JSON cannot hold exactly is tagged, so that type is never lost: bigint and
 *    numeric beyond 2^53 or with a scale as decimal string, bytes as `{"$bytes": base64}`, timestamps as ISO text, JSON columns as JSON.
 */
import type { Json, JsonObject } from '../../model/canonical-json.ts';
import type { Digest } from '../../model/digest.ts';
import type { RowChange, SqlEffect } from '../../model/intent.ts';
import type { IdentityState, RowState, SchemaState, TokenState } from '../../model/world.ts';

export type Dialect = 'sqlite' | 'postgres';

export interface QueryResult {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** Tables that the statement reads, as the database's own planner names them (views resolved). */
  readonly tables: readonly string[];
}

export interface Fence {
  readonly term: number;
  /** Token of the last step that committed here; tells of a restore within one timeline. */
  readonly lastToken: string | null;
}

export interface RowRequest {
  readonly table: string;
  readonly key: JsonObject;
  readonly columns: readonly string[];
}

export interface Database {
  readonly name: string;
  readonly dialect: Dialect;
  /** For SQLite: the database file's absolute path, so that it is never taken for a file resource. */
  readonly filePath: string | undefined;

  identity(): Promise<IdentityState>;
  /** Read-only: a statement that writes is refused by the database itself. */
  query(sql: string, params: readonly Json[], signal?: AbortSignal): Promise<QueryResult>;
  schema(table: string): Promise<SchemaState>;
  /** One sighting a request, in order, in as few statements as the dialect allows. A missing table or column yields absent/columns without it. */
  rows(requests: readonly RowRequest[]): Promise<readonly RowState[]>;

  ensureHoldfastTables(): Promise<void>;
  tokens(tokens: readonly string[]): Promise<ReadonlyMap<string, TokenState>>;
  /** All token rows of a job, to find those that the ledger doesn't know. */
  tokensOfJob(jobId: string): Promise<readonly string[]>;
  fence(jobId: string): Promise<Fence | undefined>;
  /** Sets the job's term where it is lower; returns what is there afterwards. Safe to repeat. */
  raiseFence(jobId: string, term: number): Promise<Fence>;
  /** Overwrites the last token after a person's decision accepted a restored database. */
  resetFence(jobId: string, fence: Fence): Promise<void>;

  /** Begins a read-write transaction with lock, statement and idle timeouts (ms). */
  begin(options: { readonly lockTimeoutMs: number; readonly statementTimeoutMs: number; readonly idleTimeoutMs: number }): Promise<DatabaseTransaction>;
  close(): Promise<void>;
}

export interface DatabaseTransaction {
  /** Checks the term and notes the token, in one statement. False: another term is there. */
  passFence(jobId: string, term: number, token: string): Promise<boolean>;
  /** Inserts the token row, or says what the one that is there holds. */
  takeToken(token: string, jobId: string, intent: Digest): Promise<{ readonly outcome: 'taken' } | { readonly outcome: 'there'; readonly state: TokenState }>;
  /** Removes a token row (undo of a whole step). */
  dropToken(token: string): Promise<void>;
  rows(requests: readonly RowRequest[]): Promise<readonly RowState[]>;
  query(sql: string, params: readonly Json[]): Promise<QueryResult>;
  schema(table: string): Promise<SchemaState>;
  applyRow(change: RowChange): Promise<void>;
  applySql(effect: Pick<SqlEffect, 'text' | 'params'>): Promise<void>;
  /** Puts a row to exactly this state (restore, undo): absent deletes, row upserts its columns. */
  putRow(table: string, key: JsonObject, state: RowState): Promise<void>;
  /** Stores the read-back rows' digests in the token row. Runs constraints immediately. */
  noteRows(token: string, rows: string): Promise<void>;
  /** One cheap statement, so that an idle transaction isn't ended under us. */
  keepAlive(): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

/** Opens a declared database. `url`: `postgres://…`, or `sqlite:path` relative to the workspace. */
export interface DatabaseDeclaration {
  readonly name: string;
  readonly url: string;
}
