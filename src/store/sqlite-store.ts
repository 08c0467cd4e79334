/**
 * A connection to one SQLite file, with each statement prepared once. All of Holdfast's SQLite files are opened here.
 *
 * Invariant: nothing waits inside unless the options say so: `node:sqlite` is synchronous, and a wait in it would stop
 * the main loop, and heartbeats with it.
 */
import {
  DatabaseSync,
  type DatabaseSyncOptions,
  type SQLInputValue,
  type SQLOutputValue,
  type StatementSync,
} from 'node:sqlite';
import { invariant } from '../model/invariant.ts';

export type SqliteValue = SQLOutputValue;
/** What a statement may be given. */
export type SqliteInput = SQLInputValue;
/** A row by the names of its columns. */
export type NamedRow = Readonly<Record<string, SqliteValue>>;
/** A row by the places of its columns. */
export type PlacedRow = readonly SqliteValue[];

/**
 * Fails on a connection that can only read, and changes nothing. SQLite opens for reading what it can't open for
 * writing, and does not even say so when a transaction is to be exclusive: it begins one for reading.
 */
export const PROOF_OF_WRITING = 'BEGIN IMMEDIATE; PRAGMA user_version = 0; ROLLBACK';

export interface SqliteStoreOptions extends DatabaseSyncOptions {
  /** Executed at the opening. Default: none. */
  readonly pragmas?: string;
  /** Statements that stay prepared; beyond that the oldest is dropped. Default: all. */
  readonly maxStatements?: number;
}

export class SqliteStore {
  /** For what only the driver can: authorizers, changesets, statements that are used once. */
  readonly driver: DatabaseSync;
  readonly #maxStatements: number;
  readonly #statements = new Map<string, StatementSync>();

  /** @throws what the driver throws */
  constructor(location: string | URL, options: SqliteStoreOptions = {}) {
    const { pragmas = '', maxStatements = Number.POSITIVE_INFINITY, ...driverOptions } = options;
    this.#maxStatements = maxStatements;
    this.driver = new DatabaseSync(location, driverOptions);
    try {
      if (pragmas !== '') this.driver.exec(pragmas);
    } catch (error) {
      this.driver.close();
      throw error;
    }
  }

  get isOpen(): boolean {
    return this.driver.isOpen;
  }

  get isInTransaction(): boolean {
    return this.driver.isOpen && this.driver.isTransaction;
  }

  /** Several statements at once, without values. Prepared anew each time. */
  exec(text: string): void {
    this.driver.exec(text);
  }

  /** @returns how many rows changed */
  run(text: string, ...values: readonly SqliteInput[]): number {
    return Number(this.#prepared(text).run(...values).changes);
  }

  get(text: string, ...values: readonly SqliteInput[]): NamedRow | undefined {
    return this.#prepared(text).get(...values);
  }

  all(text: string, ...values: readonly SqliteInput[]): readonly NamedRow[] {
    return this.#prepared(text).all(...values);
  }

  iterate(text: string, ...values: readonly SqliteInput[]): Iterable<NamedRow> {
    return this.#prepared(text).iterate(...values);
  }

  /** The rows of a statement, by place. Only for a connection that was opened with `returnArrays`. */
  allPlaced(text: string, ...values: readonly SqliteInput[]): readonly PlacedRow[] {
    return placedRows(this.#prepared(text).all(...values));
  }

  /**
   * Ends the transaction that has begun: the work, then `commit`; when either throws, all of it is rolled back.
   * @param commit is given so that it stands between its fault points
   */
  commitAfter<T>(work: () => T, commit: () => void): T {
    try {
      const result = work();
      commit();
      return result;
    } catch (error) {
      if (this.isInTransaction) this.run('ROLLBACK');
      throw error;
    }
  }

  /** Safe to repeat. */
  close(): void {
    this.#statements.clear();
    if (this.driver.isOpen) this.driver.close();
  }

  #prepared(text: string): StatementSync {
    const known = this.#statements.get(text);
    if (known !== undefined) return known;
    const statement = this.driver.prepare(text);
    if (this.#statements.size >= this.#maxStatements) this.#statements.delete(this.#statements.keys().next().value!);
    this.#statements.set(text, statement);
    return statement;
  }
}

/** The driver's types know rows by name only. */
export function placedRows(rows: readonly unknown[]): readonly PlacedRow[] {
  invariant(arePlaced(rows), 'a connection that returns rows by place returned one by name');
  return rows;
}

function arePlaced(rows: readonly unknown[]): rows is readonly PlacedRow[] {
  return rows.length === 0 || Array.isArray(rows[0]);
}
