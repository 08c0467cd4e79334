/** `ctx.db`: a database as a step sees it. */
import type { Json, JsonObject } from '../canonical-json.ts';

/**
 * Column → value, as a query returns it. Decimals, and integers beyond 2^53, come as text, bytes as Uint8Array, dates
 * as the database's own text. All but bytes can be written back as they came; bytes are written as
 * `{ $bytes: base64 }`. docs/context.md has the whole table.
 */
export type Row = Readonly<Record<string, unknown>>;

/** What the record covers of written rows. */
export interface RowOptions {
  /** Columns that the record covers, besides the key. Default: those written. A change of others is no drift. */
  readonly columns?: readonly string[];
}

/** A bound for a query. */
export interface QueryRowsOptions {
  /** More rows than this are an error (`too-large`), never cut off, and do not come into memory. Default: all. */
  readonly maxRows?: number;
}

/**
 * A database that the job declares, as a step sees it. Reads see what is committed; changes are staged, and applied in
 * one transaction when the code has returned, once. A table's name may be `schema.table`. Values are plain JSON, bytes
 * `{ $bytes: base64 }`.
 *
 * Every call may throw `storage-unreachable` and `busy`, which are tried again by themselves, `permission-denied`,
 * `database-damaged`, `missing-variable` (of the database's URL), `not-json` and `secret-in-output`. What the database
 * itself refuses of a staged change (a constraint, a column that is not there) fails the step as `sql-failed` when the
 * code has returned; nothing is changed then.
 */
export interface StepDatabase {
  /** Which SQL, and which placeholders: `?` for SQLite, `$1` for PostgreSQL. @throws `missing-variable` */
  readonly dialect: 'sqlite' | 'postgres';
  /**
   * Reads rows, in a read-only transaction. The result is compared again before the step applies: where it differs, the
   * draft is dropped and the code runs again. Safe to repeat.
   * @param sql one statement; two columns of one name are `sql-failed` (use AS)
   * @param params in the order of the placeholders. Default: none
   * @throws `staged-table-query` if the step has staged changes to a table it reads; `too-large` beyond `maxRows`;
   *   `unknown-table`; `sql-failed` for all that trying again can't mend, a statement that writes among it
   */
  query<R extends Row = Row>(sql: string, params?: readonly Json[], options?: QueryRowsOptions): Promise<readonly R[]>;
  /**
   * Stages new rows, each with its whole primary key: one that the database would choose can't be staged. A row that is
   * there already is `sql-failed` when the step is applied.
   * @throws `unknown-table`, also for a table that this step creates; `no-key`; `same-target-twice` if the step has
   *   staged a change of the row
   */
  insert(table: string, rows: JsonObject | readonly JsonObject[], options?: RowOptions): Promise<void>;
  /**
   * Stages rows that are inserted, or updated where their primary key exists; columns that aren't given stay. After an
   * insert, an upsert or an update of the same row in the step, the two become one change.
   * @throws `unknown-table`; `no-key`; `same-target-twice` if the step has staged its deletion, or a statement since
   */
  upsert(table: string, rows: JsonObject | readonly JsonObject[], options?: RowOptions): Promise<void>;
  /**
   * Stages new values for the row with this primary key, which stays. No such row is `sql-failed` when the step is
   * applied. Folded into an earlier change of the row, as `upsert`. @throws as `upsert`
   */
  update(table: string, key: JsonObject, values: JsonObject, options?: RowOptions): Promise<void>;
  /**
   * Stages the deletion of the row with this primary key. No such row is no error.
   * @throws `unknown-table`; `no-key`; `same-target-twice` if the step has staged a statement since it staged the row
   */
  delete(table: string, key: JsonObject): Promise<void>;
  /**
   * Stages a statement, in its place among the other changes; it runs once, when the step is applied. SQL that can't
   * run in a transaction, and what touches Holdfast's own tables, is `sql-failed`.
   * @param options.writes every table that it changes, at least one
   * @param options.undo the statement that takes it back. Default: none; it can't be undone then
   * @throws `bad-input` without `writes`
   */
  sql(
    text: string,
    params: readonly Json[],
    options: {
      readonly writes: readonly string[];
      readonly undo?: { readonly text: string; readonly params?: readonly Json[] };
    },
  ): Promise<void>;
}
