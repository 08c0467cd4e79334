/**
 * One database that a job declares, whatever its dialect. The protocol knows only this interface; one conformance suite
 * runs over every implementation.
 *
 * Invariants
 * 1. Opening connects to nothing, creates nothing and never fails for a database that is away: each call says so. A
 *    declared SQLite file that does not exist yet reads as an empty database and is created by the first `begin` or
 *    `ensureHoldfastTables`; one that has gone since is `storage-unreachable`. `ensureHoldfastTables` creates
 *    `holdfast_token` and `holdfast_fence` and nothing else, and may be repeated.
 * 2. Identifiers are quoted by the dialect, never concatenated raw. A table may be `schema.table`.
 * 3. Failures are HoldfastErrors: `storage-unreachable` (connection refused, lost, server stopping), `busy` (lock,
 *    statement or idle timeout, serialization failure, deadlock, SQLITE_BUSY), `permission-denied`, `unknown-table`,
 *    `storage-failed` (I/O error, disk full), `database-damaged`, `no-key`, `bad-input`, `cancelled` (the signal),
 *    `sql-failed` (everything that trying again cannot mend: syntax, constraint, type, a write in a query, another
 *    table under Holdfast's name: `details.foreign`). A COMMIT whose outcome nobody knows has
 *    `details.outcomeUnknown`.
 * 4. Values are canonical JSON scalars, in and out (values.ts): what JSON cannot hold exactly is tagged, so that type
 *    is never lost: `{"$int": …}` beyond 2^53, `{"$numeric": …}` with a scale, `{"$float": "NaN"}`, `{"$bytes":
 *    base64}`; timestamps as the database's ISO text (sessions run in UTC), JSON columns as JSON. `plainValue`
 *    unwraps for step code.
 * 5. A transaction in which a call failed only rolls back; `commit` then refuses.
 */
import type { Json, JsonObject } from '../../model/canonical-json.ts';
import type { Digest } from '../../model/digest.ts';
import type { RowChange, SqlEffect } from '../../model/record/effect.ts';
import type { CountedChanges, FoundRow, Reach, ReferringRequest } from './reach.ts';
import type { IdentityState, RowState, SchemaState, TableSchemaState, TokenState } from '../../model/record/world.ts';

export type Dialect = 'sqlite' | 'postgres';

export interface QueryResult {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** Tables that the statement reads, as the database's own planner names them (views resolved). */
  readonly tables: readonly string[];
}

export interface QueryOptions {
  /** Ends the query where the dialect can. */
  readonly signal?: AbortSignal;
  /** One row more is read at most, by which the caller can tell that there are more. Default: all. */
  readonly maxRows?: number;
}

export interface Fence {
  readonly term: number;
  /** Token of the last step that committed here; tells of a restore within one timeline. */
  readonly lastToken: string | null;
}

/** Milliseconds. */
export interface TransactionTimeouts {
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

export interface TransactionOptions extends TransactionTimeouts {
  /**
   * Tables that it is going to change. PostgreSQL: where one is known already, it is locked before the snapshot is
   * taken, so that a definition that is compared is the one that the change meets. Default: none.
   */
  readonly changes?: readonly string[];
}

export interface RowsOptions {
  /**
   * May lean on what was read of the catalog earlier: for rows that a transaction is about to change, which compares
   * the tables' schemas itself. Default: the catalog is looked at.
   */
  readonly mayLean?: boolean;
  /**
   * With `mayLean`: what the caller takes the rows to be, where it knows it. A database that a look takes a round trip
   * may answer with that, where it is given of every row and no key could be another spelling of what it stores.
   */
  readonly expected?: readonly (RowState | undefined)[];
}

export interface SchemaOptions {
  /** May answer with what was read earlier: for a table whose schema a transaction compares. Default: it is read. */
  readonly mayLean?: boolean;
}

export interface RowRequest {
  readonly table: string;
  readonly key: JsonObject;
  readonly columns: readonly string[];
}

/** What a step brings to a database to change it. */
export interface Entry {
  readonly jobId: string;
  readonly term: number;
  readonly token: string;
  readonly intent: Digest;
  /** The note for the token row (`noteRows`), where it can be foreseen. Default: none. */
  readonly rows?: string;
  /** A token that this worker has committed here before; SQLite does not look. Default: none. */
  readonly previous?: string;
}

/** Inserted, or what the token row that is there holds. */
export type TakenToken = { readonly outcome: 'taken' } | { readonly outcome: 'there'; readonly state: TokenState };
/** `lost`: the previous token is not there any more, so the database is not as far as it was. */
export type Entered = { readonly outcome: 'other-term' } | { readonly outcome: 'lost' } | TakenToken;

/** What changes of rows have come to. */
export interface ChangedRows {
  /** Changes by which the database says that no row was changed. */
  readonly unmade: readonly RowChange[];
  /** The rows that were asked for, in order. */
  readonly states: readonly RowState[];
}

/** Where a table is that the record knows. */
export interface TablePlace {
  /** With its schema. */
  readonly name: string;
  /** May this role use the schema that it is in? */
  readonly isUsable: boolean;
  /** What an unqualified name is looked for in. */
  readonly searchPath: string;
}

/** What a database and its transactions read alike. */
export interface RowReader {
  /**
   * One sighting a request, in order, in as few statements as the dialect allows. A missing table or column yields
   * absent/columns without it.
   */
  rows(requests: readonly RowRequest[]): Promise<readonly RowState[]>;
  schema(table: string): Promise<SchemaState>;
  /** What a change of these tables may bring with it, as the catalog says. A table that is not there has nothing. */
  reach(tables: readonly string[]): Promise<Reach>;
  /** Whole rows by columns that need not be a key. @throws HoldfastError `unknown-table` */
  referring(request: ReferringRequest): Promise<readonly FoundRow[]>;
}

export interface Database extends RowReader {
  readonly name: string;
  readonly dialect: Dialect;
  /** For SQLite: the database file's absolute path, so that it is never taken for a file resource. */
  readonly filePath: string | undefined;

  identity(): Promise<IdentityState>;
  /** Read-only: a statement that writes is refused by the database itself. */
  query(sql: string, params: readonly Json[], options?: QueryOptions): Promise<QueryResult>;
  schema(table: string, options?: SchemaOptions): Promise<SchemaState>;
  /** The table of which a schema was recorded; undefined: it is gone, or a name can lead to one table only (SQLite). */
  locate(table: NonNullable<TableSchemaState['table']>): Promise<TablePlace | undefined>;
  /**
   * Which of these tables may hold rows that this role does not see: row level security holds for it, or the name leads
   * to a view. There "no such row" says nothing of whether the row is gone.
   */
  hiding(tables: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * One sighting a request, in order, in as few statements as the dialect allows. A missing table or column yields
   * absent/columns without it.
   */
  rows(requests: readonly RowRequest[], options?: RowsOptions): Promise<readonly RowState[]>;

  /**
   * @throws HoldfastError `unknown-table` where a record knows the database and Holdfast's tables are in a schema that
   * the search_path does not lead to
   */
  /**
   * Keys of rows that are not there as the database would have them: each value through its column's type. For rows
   * that a transaction is about to change (`RowsOptions.mayLean`): no round trip where every value is certainly so
   * already.
   */
  spelledKeys(keys: readonly Pick<RowRequest, 'table' | 'key'>[]): Promise<readonly JsonObject[]>;

  ensureHoldfastTables(): Promise<void>;
  /** Holdfast's fence table where no search_path leads to it, by its whole name; undefined: there is none. */
  strayFenceTable(): Promise<TablePlace | undefined>;
  tokens(tokens: readonly string[]): Promise<ReadonlyMap<string, TokenState>>;
  /** All token rows of a job, to find those that the ledger doesn't know. */
  tokensOfJob(jobId: string): Promise<readonly string[]>;
  fence(jobId: string): Promise<Fence | undefined>;
  /** Sets the job's term where it is lower; returns what is there afterwards. Safe to repeat. */
  raiseFence(jobId: string, term: number): Promise<Fence>;
  /** Overwrites the last token after a person's decision accepted a restored database. */
  resetFence(jobId: string, fence: Fence): Promise<void>;

  /**
   * Begins a read-write transaction. PostgreSQL: REPEATABLE READ, so that a row changed by another since it was
   * compared refuses our write (`busy`). SQLite: BEGIN IMMEDIATE; a statement cannot be timed out there, the other
   * two can.
   */
  begin(options: TransactionOptions): Promise<DatabaseTransaction>;
  close(): Promise<void>;
}

/**
 * Calls may be issued without awaiting each (`Promise.all([passFence(…), takeToken(…)])`): PostgreSQL then needs one
 * round trip.
 */
export interface DatabaseTransaction extends RowReader {
  /** Read on this very connection: shows a reconnect to another server or timeline. */
  identity(): Promise<IdentityState>;
  /** Checks the term and notes the token, in one statement. False: another term is there. */
  passFence(jobId: string, term: number, token: string): Promise<boolean>;
  /** Inserts the token row, or says what the one that is there holds. */
  takeToken(token: string, jobId: string, intent: Digest): Promise<TakenToken>;
  /** `passFence` and, where it is passed, `takeToken`: PostgreSQL in one statement. */
  enter(entry: Entry): Promise<Entered>;
  /** Removes a token row (undo of a whole step). */
  dropToken(token: string): Promise<void>;
  /** Without the tables: in a transaction nobody can tell this statement's from those before it. */
  query(
    sql: string,
    params: readonly Json[],
    options?: Pick<QueryOptions, 'maxRows'>,
  ): Promise<Pick<QueryResult, 'rows'>>;
  applyRow(change: RowChange): Promise<void>;
  /**
   * Many: what comes of it is what comes of them one by one, in their order. Returns those by whose statement the
   * database says that no row was changed.
   */
  applyRows(changes: readonly RowChange[]): Promise<readonly RowChange[]>;
  /** `applyRows`, `settle` and `rows`: PostgreSQL in one round trip, unless there are many. */
  changeRows(changes: readonly RowChange[], requests: readonly RowRequest[]): Promise<ChangedRows>;
  /** From here on changes of rows are counted. Once a transaction. */
  countChanges(): Promise<void>;
  /** By table, Holdfast's own left out. Undefined: this server does not count. */
  changesCounted(): Promise<readonly CountedChanges[] | undefined>;
  applySql(effect: Pick<SqlEffect, 'text' | 'params'>): Promise<void>;
  /** Puts a row to exactly this state (restore, undo): absent deletes, row upserts its columns. */
  putRow(table: string, key: JsonObject, state: RowState): Promise<void>;
  /**
   * Runs what was put off to COMMIT (deferred constraints and triggers) now. Call it between the last change and the
   * read-back, because deferred triggers may change rows; from then on nothing is put off. `noteRows` and `commit` do
   * it themselves where it is missing, so that COMMIT itself cannot fail for it, but the read-back may then be
   * outdated.
   */
  settle(): Promise<void>;
  /** Stores the read-back rows' digests in the token row. */
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
