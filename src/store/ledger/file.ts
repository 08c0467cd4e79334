/**
 * The ledger's file: opening, transactions, and what SQLite's errors mean to it.
 *
 * Invariants
 * 1. Everything is written under the workspace's lock, in one transaction each; a commit is fsynced before it returns,
 *    except what the next such commit makes durable before anything depends on it (`relaxed`): claims, registrations,
 *    marks, and the seal of an intent that nobody has to approve. They outlive the process; a power loss ends every
 *    worker, and a new worker verifies anyway.
 * 2. No wait happens inside, except while the tables are created.
 * 3. Every error of SQLite leaves as a failure of the closed list. After one that is not `busy` the handle is suspect:
 *    whoever comes next opens the file anew. SQLite would go on with a connection that can only read, or with pages
 *    that it read wrongly.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { HoldfastError } from '../../model/failure.ts';
import type { FailureType } from '../../model/failures.ts';
import { isThere, makePrivateFile, OF_RECORD, storageError } from '../durable-file.ts';
import { atPoints } from '../fault-point.ts';
import { isSqliteError, mustBeWritable, sqliteProblem, type SqliteError } from '../sqlite-failure.ts';
import { PROOF_OF_WRITING, SqliteStore, type NamedRow, type SqliteInput } from '../sqlite-store.ts';
import { logInode, setLogAside } from './own-log.ts';
import { LEDGER_TABLES } from './schema.ts';
import { checkFile, type Verdict } from './soundness.ts';

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
  'permission-denied': 'The worker may not use the ledger',
};

export interface TransactionOptions {
  /** Not fsynced: see the header. Default false. */
  readonly relaxed?: boolean;
}

export class LedgerFile {
  readonly path: string;
  readonly #store: SqliteStore;
  readonly #inode: bigint;
  readonly #log: bigint | undefined;
  #synchronous: 'FULL' | 'NORMAL' = 'FULL';
  #isReading = false;
  #isSuspect = false;
  #view: object | undefined;
  #hold: object | undefined;

  private constructor(path: string, store: SqliteStore) {
    this.path = path;
    this.#store = store;
    this.#inode = statSync(path, { bigint: true }).ino;
    this.#log = logInode(path);
  }

  /**
   * Opens the ledger in a `.holdfast` directory, creating it on request, readable by its owner only. Safe to repeat.
   * @param accept what else must succeed; when it throws, the file is closed again
   * @throws HoldfastError `not-found` (absent and not to be created), `ledger-damaged`, `permission-denied`, and what
   *   may pass
   */
  static open(
    directory: string,
    options: { readonly create: boolean },
    accept: (file: LedgerFile) => void,
  ): LedgerFile {
    const path = join(directory, LEDGER_FILE);
    if (!options.create && !isThere(path))
      throw new HoldfastError('not-found', `There is no ledger at ${path}.`, { path, ...OF_RECORD });
    let store: SqliteStore | undefined;
    try {
      if (options.create) makePrivateFile(path);
      mustBeWritable(path);
      const opened = new SqliteStore(path, { pragmas: PRAGMAS });
      store = opened;
      atPoints('ledger-commit', () => opened.exec(LEDGER_TABLES));
      opened.exec(PROOF_OF_WRITING);
      opened.exec('PRAGMA busy_timeout = 0');
      const file = new LedgerFile(path, opened);
      accept(file);
      return file;
    } catch (error) {
      store?.close();
      throw openingFailure(path, error);
    }
  }

  /** Tells this file from another that is put at its path. */
  get id(): string {
    return String(this.#inode);
  }

  /**
   * False: it must be opened anew. After a failure, and where another file is at the path: somebody may have put last
   * week's copy there.
   */
  isUsable(): boolean {
    if (this.#isSuspect) return false;
    return this.#inodeAtPath() === this.#inode;
  }

  /** Where another file is at the path by now, SQLite writes nothing there. Safe to repeat. */
  close(): void {
    if (!this.#store.isOpen) return;
    this.#store.close();
    if (this.#isReplaced()) setLogAside(this.path, this.#log);
  }

  /** One atomic, fsynced commit. Nested calls join the outer one. */
  transaction<T>(work: () => T, options: TransactionOptions = {}): T {
    return this.translated(() => {
      this.#endReading();
      if (this.#store.isInTransaction) return work();
      this.#setSynchronous(options.relaxed === true ? 'NORMAL' : 'FULL');
      this.#store.run('BEGIN IMMEDIATE');
      this.#view = this.#hold ?? {};
      try {
        return this.#store.commitAfter(work, () => atPoints('ledger-commit', () => this.#store.run('COMMIT')));
      } catch (error) {
        // What was read of it since its changes is no longer so.
        this.#hold &&= {};
        throw error;
      } finally {
        this.#view = this.#hold;
      }
    });
  }

  /** Runs `work` under the workspace's lock: nobody else writes meanwhile, so that all of it has one view. */
  async held<T>(work: () => Promise<T> | T): Promise<T> {
    this.#view = this.#hold = {};
    try {
      return await work();
    } finally {
      this.#view = this.#hold = undefined;
    }
  }

  /**
   * What is read within one `reading`, transaction or hold of the lock is the same until this connection changes it: a
   * table may keep a row for as long as this is the same. Undefined: outside, where the next read may find something
   * else.
   */
  get view(): object | undefined {
    return this.#view;
  }

  /** Many reads as one: SQLite takes its locks once, not for each. The first transaction inside ends it. */
  reading<T>(work: () => T): T {
    if (this.#store.isInTransaction) return work();
    return this.translated(() => {
      try {
        this.#store.run('BEGIN');
        this.#isReading = true;
        this.#view = this.#hold ?? {};
        return work();
      } finally {
        this.#endReading();
      }
    });
  }

  get(text: string, ...values: readonly SqliteInput[]): NamedRow | undefined {
    return this.translated(() => this.#store.get(text, ...values));
  }

  all(text: string, ...values: readonly SqliteInput[]): readonly NamedRow[] {
    return this.translated(() => this.#store.all(text, ...values));
  }

  *iterate(text: string, ...values: readonly SqliteInput[]): Generator<NamedRow, void, undefined> {
    try {
      yield* this.#store.iterate(text, ...values);
    } catch (error) {
      throw this.#translate(error);
    }
  }

  /** A change. Call it inside a transaction. @returns how many rows changed */
  run(text: string, ...values: readonly SqliteInput[]): number {
    return this.translated(() => this.#store.run(text, ...values));
  }

  /** SQLite's own check of the file: 'ok', or what is wrong. Off the main loop where the file is large. */
  async check(): Promise<Verdict> {
    try {
      return await checkFile(this.path);
    } catch (error) {
      throw this.#translate(error);
    }
  }

  /** SQLite's errors as failures of the ledger; others pass. */
  translated<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw this.#translate(error);
    }
  }

  #translate(error: unknown): unknown {
    if (!isSqliteError(error)) return error;
    const failure = ledgerFailure(this.path, error, 'ledger');
    if (failure.type !== 'busy') this.#isSuspect = true;
    return failure;
  }

  #isReplaced(): boolean {
    const inode = this.#inodeAtPath();
    return inode !== undefined && inode !== this.#inode;
  }

  #inodeAtPath(): bigint | undefined {
    try {
      return statSync(this.path, { bigint: true, throwIfNoEntry: false })?.ino;
    } catch (error) {
      throw storageError('look at', this.path, error, OF_RECORD);
    }
  }

  #endReading(): void {
    if (!this.#isReading) return;
    this.#isReading = false;
    this.#view = this.#hold;
    this.#store.run('ROLLBACK');
  }

  #setSynchronous(level: 'FULL' | 'NORMAL'): void {
    if (this.#synchronous === level) return;
    this.#store.run(`PRAGMA synchronous = ${level}`);
    this.#synchronous = level;
  }
}

function openingFailure(path: string, error: unknown): unknown {
  if (error instanceof HoldfastError) return error;
  return isSqliteError(error) ? ledgerFailure(path, error, 'opening') : storageError('open', path, error, OF_RECORD);
}

function ledgerFailure(path: string, error: SqliteError, use: 'opening' | 'ledger'): HoldfastError {
  const { type, text } = sqliteProblem(error, use, path);
  const problem = PROBLEMS[type] ?? `The ledger could not be ${use === 'opening' ? 'opened' : 'used'}`;
  return new HoldfastError(type, `${problem}: ${text}, ${path}.`, { path, ...OF_RECORD }, { cause: error });
}
