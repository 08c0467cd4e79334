/** `ctx.db`: a database as a step sees it. */
import type { Json, JsonObject } from '../canonical-json.ts';

export type Row = Readonly<Record<string, unknown>>;

export interface RowOptions {
  /** Columns that the record covers. Default: those written, and the key. Others' columns are then no drift. */
  readonly columns?: readonly string[];
}

export interface QueryRowsOptions {
  /** More rows than this are an error (`too-large`), never cut off, and do not come into memory. Default: all. */
  readonly maxRows?: number;
}

export interface StepDatabase {
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
