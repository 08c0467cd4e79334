/** `ctx.db`: a database as a step sees it. */
import type { Json, JsonObject } from '../canonical-json.ts';

/**
 * Column → value. Decimals, and integers beyond 2^53, come as text, bytes as Uint8Array, dates as the database's own
 * text; docs/context.md has the whole table.
 */
export type Row = Readonly<Record<string, unknown>>;

/** What the record covers of written rows. */
export interface RowOptions {
  /** Columns that the record covers. Default: those written, and the key. Others' columns are then no drift. */
  readonly columns?: readonly string[];
}

/** A bound for a query. */
export interface QueryRowsOptions {
  /** More rows than this are an error (`too-large`), never cut off, and do not come into memory. Default: all. */
  readonly maxRows?: number;
}

/**
 * A database that the job declares, as a step sees it. Reads see what is committed; changes are staged, and applied in
 * one transaction when the code has returned.
 */
export interface StepDatabase {
  /** Which SQL, and which placeholders: `?` for SQLite, `$1` for PostgreSQL. */
  readonly dialect: 'sqlite' | 'postgres';
  /**
   * Reads rows, in a read-only transaction. Placeholders: `?` for SQLite, `$1` for PostgreSQL.
   * The result is compared again before the step applies. @throws `staged-table-query` if the step has staged changes
   * to a table it reads
   */
  query<R extends Row = Row>(sql: string, params?: readonly Json[], options?: QueryRowsOptions): Promise<readonly R[]>;
  /** Stages new rows. */
  insert(table: string, rows: JsonObject | readonly JsonObject[], options?: RowOptions): Promise<void>;
  /** Stages rows that are inserted, or updated where their primary key exists. */
  upsert(table: string, rows: JsonObject | readonly JsonObject[], options?: RowOptions): Promise<void>;
  /** Stages new values for the row with this primary key. */
  update(table: string, key: JsonObject, values: JsonObject, options?: RowOptions): Promise<void>;
  /** Stages the deletion of the row with this primary key. */
  delete(table: string, key: JsonObject): Promise<void>;
  /** Stages a statement. `writes` names every table that it changes. Without `undo` it cannot be undone. */
  sql(
    text: string,
    params: readonly Json[],
    options: {
      readonly writes: readonly string[];
      readonly undo?: { readonly text: string; readonly params?: readonly Json[] };
    },
  ): Promise<void>;
}
