/**
 * One connection to one SQLite file: statements prepared once, what they may do, and the shapes of tables.
 *
 * Invariants
 * 1. Never creates the file (`mode=rw`), unless told so. Never waits: a lock held by another is `busy` at once.
 * 2. Commits are durable when COMMIT returns: synchronous=EXTRA, which also syncs the folder after a rollback journal is
 *    deleted (FULL leaves that to luck; in WAL mode the two are the same).
 * 3. A connection for reading refuses all else by `query_only` and an authorizer; on one for writing the authorizer
 *    refuses a step's statement that would touch the transaction, attach another file or change Holdfast's tables.
 * 4. What is cached of a table is dropped when `schema_version` moves, and after a rollback, which gives a version number back.
 */
import { constants, DatabaseSync, type StatementSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type { Json } from '../../../model/canonical-json.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { HOLDFAST_TABLES, type TableName, type TableShape } from '../query-builder.ts';
import type { SchemaState } from '../../../model/record/world.ts';
import { sqliteFailure } from './failure.ts';
import { readSqliteSchema, readSqliteShape } from './schema.ts';
import { cutStatement, isBlankSqlite } from '../statement-text.ts';
import { encodeSqlite } from '../values.ts';

const MAX_CACHED_STATEMENTS = 200;
/** Pragmas that only tell something: the ones that a step may use, with or without an argument. */
const READING_PRAGMAS: ReadonlySet<string> = new Set([
  'table_info',
  'table_xinfo',
  'table_list',
  'index_list',
  'index_info',
  'index_xinfo',
  'foreign_key_list',
  'foreign_key_check',
  'integrity_check',
  'quick_check',
  'function_list',
  'collation_list',
  'database_list',
  'compile_options',
]);
/** Pragmas that tell something without an argument and change it with one. */
const VALUE_PRAGMAS: ReadonlySet<string> = new Set([
  'user_version',
  'application_id',
  'schema_version',
  'page_count',
  'page_size',
  'encoding',
  'journal_mode',
  'freelist_count',
  'synchronous',
  'foreign_keys',
  'busy_timeout',
]);

export type SqliteRow = readonly (null | bigint | number | string | Uint8Array)[];

export interface Columns {
  readonly names: readonly string[];
  readonly rows: readonly SqliteRow[];
}

export class SqliteConnection {
  readonly #database: DatabaseSync;
  readonly #name: string;
  readonly #isReader: boolean;
  readonly #statements = new Map<string, StatementSync>();
  readonly #shapes = new Map<string, TableShape | undefined>();
  readonly #schemas = new Map<string, SchemaState>();
  #hasForeignKeys: boolean | undefined;
  #schemaVersion = -1n;
  #tablesRead = new Set<string>();
  /** Set while a step's own statement is compiled and run. */
  #isForeign = false;

  /** `filePath` undefined: an empty database in memory, which stands for a file that does not exist yet. */
  constructor(options: {
    readonly name: string;
    readonly filePath: string | undefined;
    readonly isReader: boolean;
    readonly mayCreate: boolean;
  }) {
    this.#name = options.name;
    this.#isReader = options.isReader;
    try {
      this.#database = new DatabaseSync(location(options.filePath, options.mayCreate), {
        timeout: 0,
        readBigInts: true,
        returnArrays: true,
        defensive: true,
      });
      this.#database.exec('PRAGMA synchronous = EXTRA');
      if (this.#isReader) {
        this.#database.exec('PRAGMA query_only = ON');
        this.#database.setAuthorizer(this.#authorizeRead);
      }
    } catch (error) {
      throw sqliteFailure(error, { database: this.#name });
    }
  }

  get isInTransaction(): boolean {
    return this.#database.isOpen && this.#database.isTransaction;
  }

  /** Runs one of Holdfast's own statements, prepared once. @returns how many rows changed */
  run(text: string, parameters: readonly Json[] = []): number {
    return this.#guard(text, () => Number(this.#prepared(text).run(...parameters.map(encodeSqlite)).changes));
  }

  /** The rows of one of Holdfast's own statements, prepared once. */
  all(text: string, parameters: readonly Json[] = []): readonly SqliteRow[] {
    return this.#guard(
      text,
      () => this.#prepared(text).all(...parameters.map(encodeSqlite)) as unknown as readonly SqliteRow[],
    );
  }

  /** A step's query, refused if it would write: one statement, with the tables that it reads (views resolved, table functions left out). */
  query(text: string, parameters: readonly Json[]): Columns & { readonly tables: readonly string[] } {
    return this.#guard(text, () => {
      // The authorizer names a table for each column that the compiler meets, or once with an empty column (count(*)).
      this.#tablesRead = new Set();
      this.#isForeign = true;
      if (!this.#isReader) this.#database.setAuthorizer(this.#authorizeRead);
      let result: Columns;
      try {
        result = this.#runForeign(text, parameters);
      } finally {
        this.#isForeign = false;
        if (!this.#isReader) this.#database.setAuthorizer(null);
      }
      const tables = [...this.#tablesRead].filter((table) => this.#isTable(table)).sort();
      return { ...result, tables };
    });
  }

  /** A step's own statement on a connection for writing. */
  runForeign(text: string, parameters: readonly Json[]): Columns {
    return this.#guard(text, () => {
      this.#database.setAuthorizer(authorizeWrite);
      try {
        return this.#runForeign(text, parameters);
      } finally {
        this.#database.setAuthorizer(null);
      }
    });
  }

  /** Whether constraints that were put off to COMMIT are violated now. Constant time, whatever the size of the tables. */
  hasDeferredViolations(): boolean {
    this.#dropStale();
    this.#hasForeignKeys ??=
      this.all("SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND sql LIKE '%REFERENCES%' LIMIT 1").length > 0;
    // Only foreign keys can be put off; asking for nothing would expire every prepared statement.
    if (!this.#hasForeignKeys) return false;
    let isViolated = false;
    // An empty changeset changes nothing, but applying it ends in the same count of open violations that COMMIT looks at
    // (sqlite3changeset_apply, SQLITE_CHANGESET_FOREIGN_KEY).
    this.#guard('(deferred constraints)', () =>
      this.#database.applyChangeset(new Uint8Array(0), {
        onConflict: (kind) => {
          if (kind === constants.SQLITE_CHANGESET_FOREIGN_KEY) isViolated = true;
          return constants.SQLITE_CHANGESET_OMIT;
        },
      }),
    );
    return isViolated;
  }

  /** What there is to know about a table for building statements; undefined if there is none. */
  shape(table: TableName): TableShape | undefined {
    this.#dropStale();
    const cacheKey = JSON.stringify([table.schema, table.name]);
    if (!this.#shapes.has(cacheKey)) this.#shapes.set(cacheKey, readSqliteShape(this, table));
    return this.#shapes.get(cacheKey);
  }

  /** A table's schema for the record. */
  schema(table: TableName): SchemaState {
    this.#dropStale();
    const cacheKey = JSON.stringify([table.schema, table.name]);
    const known = this.#schemas.get(cacheKey) ?? readSqliteSchema(this, table);
    this.#schemas.set(cacheKey, known);
    return known;
  }

  #dropStale(): void {
    const version = this.all('PRAGMA schema_version')[0]![0] as bigint;
    if (version === this.#schemaVersion) return;
    this.#shapes.clear();
    this.#schemas.clear();
    this.#hasForeignKeys = undefined;
    this.#schemaVersion = version;
  }

  forgetShapes(): void {
    this.#schemaVersion = -1n;
  }

  close(): void {
    this.#statements.clear();
    if (this.#database.isOpen) this.#database.close();
  }

  #guard<T>(text: string, run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw sqliteFailure(error, { database: this.#name, statement: text });
    }
  }

  #prepared(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#database.prepare(text);
      if (this.#statements.size >= MAX_CACHED_STATEMENTS)
        this.#statements.delete(this.#statements.keys().next().value!);
      this.#statements.set(text, statement);
    }
    return statement;
  }

  #runForeign(text: string, parameters: readonly Json[]): Columns {
    const statement = this.#database.prepare(text);
    if (!isBlankSqlite(text.slice(statement.sourceSQL.length))) {
      throw new HoldfastError(
        'sql-failed',
        `Database ${this.#name}: expected one statement, found more: ${cutStatement(text)}. Give each statement a call of its own.`,
        { database: this.#name },
      );
    }
    const names = statement.columns().map((column) => column.name);
    const rows = statement.all(...parameters.map(encodeSqlite)) as unknown as readonly SqliteRow[];
    return { names, rows };
  }

  readonly #authorizeRead = (
    action: number,
    first: string | null,
    second: string | null,
    schema: string | null,
  ): number => {
    switch (action) {
      case constants.SQLITE_READ:
        if (first !== null && schema !== 'temp') this.#tablesRead.add(first);
        return constants.SQLITE_OK;
      case constants.SQLITE_SELECT:
      case constants.SQLITE_FUNCTION:
      case constants.SQLITE_RECURSIVE:
        return constants.SQLITE_OK;
      case constants.SQLITE_PRAGMA:
        return !this.#isForeign || isReadingPragma(first, second) ? constants.SQLITE_OK : constants.SQLITE_DENY;
      case constants.SQLITE_TRANSACTION:
        return this.#isForeign ? constants.SQLITE_DENY : constants.SQLITE_OK;
      default:
        return constants.SQLITE_DENY;
    }
  };

  #isTable(name: string): boolean {
    if (name === 'sqlite_master' || name === 'sqlite_schema') return true;
    return this.all("SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?", [name]).length > 0;
  }
}

function location(filePath: string | undefined, mayCreate: boolean): string | URL {
  if (filePath === undefined) return ':memory:';
  const url = pathToFileURL(filePath);
  url.searchParams.set('mode', mayCreate ? 'rwc' : 'rw');
  return url;
}

function isReadingPragma(name: string | null, argument: string | null): boolean {
  return READING_PRAGMAS.has(name ?? '') || (argument === null && VALUE_PRAGMAS.has(name ?? ''));
}

function authorizeWrite(action: number, first: string | null, second: string | null): number {
  switch (action) {
    case constants.SQLITE_TRANSACTION:
    case constants.SQLITE_SAVEPOINT:
    case constants.SQLITE_ATTACH:
    case constants.SQLITE_DETACH:
      return constants.SQLITE_DENY;
    case constants.SQLITE_PRAGMA:
      return isReadingPragma(first, second) || first === 'user_version' || first === 'application_id'
        ? constants.SQLITE_OK
        : constants.SQLITE_DENY;
    case constants.SQLITE_INSERT:
    case constants.SQLITE_UPDATE:
    case constants.SQLITE_DELETE:
    case constants.SQLITE_DROP_TABLE:
      return isReserved(first) ? constants.SQLITE_DENY : constants.SQLITE_OK;
    case constants.SQLITE_ALTER_TABLE:
      return isReserved(second) ? constants.SQLITE_DENY : constants.SQLITE_OK;
    default:
      return constants.SQLITE_OK;
  }
}

function isReserved(table: string | null): boolean {
  return HOLDFAST_TABLES.some((reserved) => reserved === table?.toLowerCase());
}
