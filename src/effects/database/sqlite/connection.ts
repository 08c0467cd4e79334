/**
 * One connection to one SQLite file.
 *
 * Invariants
 * 1. Never creates the file (`mode=rw`), unless told so. Never waits: a lock held by another is `busy` at once.
 * 2. Commits are durable when COMMIT returns: synchronous=EXTRA, which also syncs the folder after a rollback journal
 *    is deleted (FULL leaves that to luck; in WAL mode the two are the same).
 * 3. A connection for reading refuses all else by `query_only` and an authorizer; on one for writing the authorizer
 *    refuses what a step's statement may not do.
 */
import { constants } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type { Json } from '../../../model/canonical-json.ts';
import { HoldfastError } from '../../../model/failure.ts';
import type { SchemaState } from '../../../model/record/world.ts';
import { placedRows, SqliteStore } from '../../../store/sqlite-store.ts';
import type { TableName } from '../table-name.ts';
import type { TableShape } from '../table-shape.ts';
import type { Reach } from '../reach.ts';
import type { NamedRows } from '../row-objects.ts';
import { cutStatement, isBlankSqlite } from '../statement-text.ts';
import { encodeSqlite } from '../values.ts';
import { authorizeWrite, ReadAuthorizer } from './authorizer.ts';
import { isAboutStatement, sqliteFailure } from './failure.ts';
import { withOddText } from './odd-text.ts';
import type { ShapedReader, SqliteRow } from './reader.ts';
import { KnownTables } from './tables.ts';

/** What was changed since it was opened, as SQLite's sessions tell it. */
export interface ChangeWatch {
  readonly changeset: () => Uint8Array;
  readonly close: () => void;
}

const MAX_CACHED_STATEMENTS = 200;
/** Of Holdfast's own statements: those that change no table. */
const CHANGES_ROWS = /^(INSERT|UPDATE|DELETE)\b/;

export interface SqliteConnectionOptions {
  /** The database's, for messages. */
  readonly name: string;
  /** Undefined: an empty database in memory, which stands for a file that does not exist yet. */
  readonly filePath: string | undefined;
  readonly isReader: boolean;
  readonly mayCreate: boolean;
}

export class SqliteConnection implements ShapedReader {
  readonly #store: SqliteStore;
  readonly #name: string;
  readonly #path: string | undefined;
  readonly #isReader: boolean;
  readonly #reading = new ReadAuthorizer();
  readonly #tables = new KnownTables(this);
  #isSuspect = false;
  #schemaView: object | undefined;

  constructor(options: SqliteConnectionOptions) {
    this.#name = options.name;
    this.#path = options.filePath;
    this.#isReader = options.isReader;
    try {
      this.#store = new SqliteStore(location(options), {
        timeout: 0,
        readBigInts: true,
        returnArrays: true,
        defensive: true,
        maxStatements: MAX_CACHED_STATEMENTS,
        pragmas: `PRAGMA synchronous = EXTRA;${options.isReader ? ' PRAGMA query_only = ON;' : ''}`,
      });
    } catch (error) {
      throw sqliteFailure(error, { database: options.name, path: options.filePath });
    }
    if (options.isReader) this.#store.driver.setAuthorizer(this.#reading.authorize);
  }

  /**
   * Is another connection to be used from now on? SQLite goes on for ever with one that it could open only for reading.
   */
  get isSuspect(): boolean {
    return this.#isSuspect;
  }

  get isInTransaction(): boolean {
    return this.#store.isInTransaction;
  }

  get schemaView(): object | undefined {
    return this.#store.isInTransaction ? (this.#schemaView ??= {}) : undefined;
  }

  /** Runs one of Holdfast's own statements, prepared once. @returns how many rows changed */
  run(text: string, parameters: readonly Json[] = []): number {
    if (!CHANGES_ROWS.test(text)) this.#schemaView = undefined;
    return this.#guard(text, () => this.#store.run(text, ...parameters.map(encodeSqlite)));
  }

  /** The rows of one of Holdfast's own statements, prepared once. */
  all(text: string, parameters: readonly Json[] = []): readonly SqliteRow[] {
    const values = parameters.map(encodeSqlite);
    return this.#guard(text, () => withOddText(this.#store, text, values, this.#store.allPlaced(text, ...values)));
  }

  /**
   * Ends the transaction that has begun: the work, then `commit`; when either throws, all of it is rolled back and
   * what was read of the tables is forgotten.
   */
  commitAfter<T>(work: () => T, commit: () => void): T {
    try {
      const result = work();
      commit();
      return result;
    } catch (error) {
      if (this.isInTransaction) this.run('ROLLBACK');
      this.forgetShapes();
      throw error;
    }
  }

  /**
   * A step's query, refused if it would write: one statement, with the tables that it reads (views resolved, table
   * functions omitted). `maxRows`: one row more is read at most.
   */
  query(
    text: string,
    parameters: readonly Json[],
    maxRows?: number,
  ): NamedRows<SqliteRow> & { readonly tables: readonly string[] } {
    return this.#guard(text, () => {
      const { result, tables } = this.#reading.foreign(() =>
        this.#isReader
          ? this.#runForeign(text, parameters, maxRows)
          : this.#authorized(this.#reading.authorize, () => this.#runForeign(text, parameters, maxRows)),
      );
      return { ...result, tables: tables.filter((table) => this.#isTable(table)).sort() };
    });
  }

  /** A step's own statement on a connection for writing. */
  runForeign(text: string, parameters: readonly Json[]): NamedRows<SqliteRow> {
    this.#schemaView = undefined;
    return this.#guard(text, () => this.#authorized(authorizeWrite, () => this.#runForeign(text, parameters)));
  }

  /**
   * Whether constraints that were put off to COMMIT are violated now. Constant time, whatever the size of the tables.
   */
  hasDeferredViolations(): boolean {
    // Only foreign keys can be put off; the changeset would expire every prepared statement for nothing.
    if (!this.#tables.hasForeignKeys()) return false;
    let isViolated = false;
    // An empty changeset changes nothing, but applying it ends in the same count of open violations that COMMIT looks
    // at (sqlite3changeset_apply, SQLITE_CHANGESET_FOREIGN_KEY).
    this.#guard('(deferred constraints)', () =>
      this.#store.driver.applyChangeset(new Uint8Array(0), {
        onConflict: (kind) => {
          if (kind === constants.SQLITE_CHANGESET_FOREIGN_KEY) isViolated = true;
          return constants.SQLITE_CHANGESET_OMIT;
        },
      }),
    );
    return isViolated;
  }

  shape(table: TableName): TableShape | undefined {
    return this.#tables.shape(table);
  }

  /** A table's schema for the record. */
  schema(table: TableName): SchemaState {
    return this.#tables.schema(table);
  }

  /** Undefined: it has to be read, in a transaction. */
  knownSchema(table: TableName): SchemaState | undefined {
    return this.#tables.knownSchema(table);
  }

  /** What a change of these tables may bring with it. */
  reach(tables: readonly TableName[]): Reach {
    return this.#tables.reach(tables);
  }

  /** Notes every change of a row from now on, until it is closed. */
  watchChanges(): ChangeWatch {
    const session = this.#store.driver.createSession();
    return { changeset: () => session.changeset(), close: () => session.close() };
  }

  /** After a rollback. */
  forgetShapes(): void {
    this.#tables.forget();
  }

  close(): void {
    this.#store.close();
  }

  #guard<T>(text: string, run: () => T): T {
    try {
      return run();
    } catch (error) {
      const failure = sqliteFailure(error, { database: this.#name, statement: text, path: this.#path });
      if (!isAboutStatement(failure)) this.#isSuspect = true;
      throw failure;
    }
  }

  #authorized<T>(authorizer: typeof authorizeWrite, run: () => T): T {
    this.#store.driver.setAuthorizer(authorizer);
    try {
      return run();
    } finally {
      this.#store.driver.setAuthorizer(null);
    }
  }

  #runForeign(text: string, parameters: readonly Json[], maxRows?: number): NamedRows<SqliteRow> {
    const statement = this.#store.driver.prepare(text);
    if (!isBlankSqlite(text.slice(statement.sourceSQL.length))) {
      const found = `expected one statement, found more: ${cutStatement(text)}`;
      throw new HoldfastError(
        'sql-failed',
        `Database ${this.#name}: ${found}. Give each statement a call of its own.`,
        { database: this.#name },
      );
    }
    const names = statement.columns().map((column) => column.name);
    const values = parameters.map(encodeSqlite);
    const exact = (found: readonly unknown[]): readonly SqliteRow[] =>
      withOddText(this.#store, statement.sourceSQL, values, placedRows(found));
    if (maxRows === undefined) return { names, rows: exact(statement.all(...values)) };
    const rows: unknown[] = [];
    for (const row of statement.iterate(...values)) {
      rows.push(row);
      if (rows.length > maxRows) break;
    }
    return { names, rows: exact(rows) };
  }

  #isTable(name: string): boolean {
    if (name === 'sqlite_master' || name === 'sqlite_schema') return true;
    return this.all("SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?", [name]).length > 0;
  }
}

function location({ filePath, mayCreate }: SqliteConnectionOptions): string | URL {
  if (filePath === undefined) return ':memory:';
  const url = pathToFileURL(filePath);
  url.searchParams.set('mode', mayCreate ? 'rwc' : 'rw');
  return url;
}
