/**
 * The ledger's file: opening, transactions, and what SQLite's errors mean to it.
 *
 * Invariants
 * 1. Everything is written under the workspace's lock, in one transaction each; a commit is fsynced before it returns,
 *    except what the next such commit makes durable before anything depends on it (`relaxed`): claims, registrations,
 *    marks, and the seal of an intent that nobody has to approve. They outlive the process; a power loss ends every
 *    worker, and a new worker verifies anyway.
 * 2. No wait happens inside, except while the tables are created.
 */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { HoldfastError } from '../../model/failure.ts';
import type { FailureType } from '../../model/failures.ts';
import { systemCode } from '../durable-file.ts';
import { atPoints } from '../fault-point.ts';
import { isSqliteError, sqliteMeaning } from '../sqlite-codes.ts';
import { SqliteStore, type NamedRow, type SqliteInput } from '../sqlite-store.ts';
import { LEDGER_TABLES } from './schema.ts';

export const LEDGER_FILE = 'ledger.sqlite';

/** The first attempt to create the tables may meet another process that does the same. */
const CREATE_WAIT_MS = 2000;
const PRAGMAS = [
  `PRAGMA busy_timeout = ${CREATE_WAIT_MS}`,
  'PRAGMA journal_mode = WAL',
  'PRAGMA synchronous = FULL',
  'PRAGMA foreign_keys = ON',
  'PRAGMA trusted_schema = OFF',
].join('; ');

const PROBLEMS: Partial<Record<FailureType, string>> = {
  busy: 'The ledger is locked by another process',
  'ledger-damaged': 'The ledger is damaged',
};

export interface TransactionOptions {
  /** Not fsynced: see the header. Default false. */
  readonly relaxed?: boolean;
}

export class LedgerFile {
  readonly path: string;
  readonly #store: SqliteStore;
  readonly #inode: bigint;
  #synchronous: 'FULL' | 'NORMAL' = 'FULL';
  #isReading = false;

  private constructor(path: string, store: SqliteStore) {
    this.path = path;
    this.#store = store;
    this.#inode = statSync(path, { bigint: true }).ino;
  }

  /**
   * Opens the ledger in a `.holdfast` directory, creating it on request. Safe to repeat.
   * @param accept what else must succeed; when it throws, the file is closed again
   * @throws HoldfastError `not-found` (absent and not to be created), `ledger-damaged`
   */
  static open(
    directory: string,
    options: { readonly create: boolean },
    accept: (file: LedgerFile) => void,
  ): LedgerFile {
    const path = join(directory, LEDGER_FILE);
    if (!options.create && !existsSync(path))
      throw new HoldfastError('not-found', `There is no ledger at ${path}.`, { path });
    let store: SqliteStore | undefined;
    try {
      const opened = new SqliteStore(path, { pragmas: PRAGMAS });
      store = opened;
      atPoints('ledger-commit', () => opened.exec(LEDGER_TABLES));
      opened.exec('PRAGMA busy_timeout = 0');
      const file = new LedgerFile(path, opened);
      accept(file);
      return file;
    } catch (error) {
      store?.close();
      if (error instanceof HoldfastError) throw error;
      const problem = error instanceof Error ? error.message : String(error);
      throw new HoldfastError(
        'ledger-damaged',
        `The ledger at ${path} cannot be opened: ${problem}.`,
        { path },
        { cause: error },
      );
    }
  }

  /** Is the file that is open still the one at the path? Somebody may have put last week's copy there. */
  isSameFile(): boolean {
    try {
      return statSync(this.path, { bigint: true }).ino === this.#inode;
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return false;
      throw error;
    }
  }

  /** Safe to repeat. */
  close(): void {
    this.#store.close();
  }

  /** One atomic, fsynced commit. Nested calls join the outer one. */
  transaction<T>(work: () => T, options: TransactionOptions = {}): T {
    this.#endReading();
    if (this.#store.isInTransaction) return work();
    this.#setSynchronous(options.relaxed === true ? 'NORMAL' : 'FULL');
    return this.translated(() => {
      this.#store.run('BEGIN IMMEDIATE');
      return this.#store.commitAfter(work, () => atPoints('ledger-commit', () => this.#store.run('COMMIT')));
    });
  }

  /** Many reads as one: SQLite takes its locks once, not for each. The first transaction inside ends it. */
  reading<T>(work: () => T): T {
    if (this.#store.isInTransaction) return work();
    try {
      return this.translated(() => {
        this.#store.run('BEGIN');
        this.#isReading = true;
        return work();
      });
    } finally {
      this.#endReading();
    }
  }

  get(text: string, ...values: readonly SqliteInput[]): NamedRow | undefined {
    return this.translated(() => this.#store.get(text, ...values));
  }

  all(text: string, ...values: readonly SqliteInput[]): readonly NamedRow[] {
    return this.translated(() => this.#store.all(text, ...values));
  }

  /** The caller translates SQLite's errors: they come while it reads the rows. */
  iterate(text: string, ...values: readonly SqliteInput[]): Iterable<NamedRow> {
    return this.#store.iterate(text, ...values);
  }

  /** A change. Call it inside a transaction, which translates SQLite's errors. @returns how many rows changed */
  run(text: string, ...values: readonly SqliteInput[]): number {
    return this.#store.run(text, ...values);
  }

  /** SQLite's errors as failures of the ledger; others pass. */
  translated<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw this.translate(error);
    }
  }

  translate(error: unknown): unknown {
    const type = sqliteMeaning(error, 'ledger');
    if (type === undefined || !isSqliteError(error)) return error;
    const problem = PROBLEMS[type] ?? 'The ledger cannot be written';
    const text = `${problem}: ${error.message} (SQLite ${error.errcode}, ${this.path}).`;
    return new HoldfastError(type, text, {}, { cause: error });
  }

  #endReading(): void {
    if (!this.#isReading) return;
    this.#isReading = false;
    this.#store.run('ROLLBACK');
  }

  #setSynchronous(level: 'FULL' | 'NORMAL'): void {
    if (this.#synchronous === level) return;
    this.#store.run(`PRAGMA synchronous = ${level}`);
    this.#synchronous = level;
  }
}
