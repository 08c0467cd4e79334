/**
 * A read-write transaction on a SQLite file.
 *
 * Invariants
 * 1. No call runs outside the transaction: SQLite ends one by itself after some errors (disk full, ON CONFLICT
 *    ROLLBACK), and what followed would commit statement by statement.
 * 2. After a failed call only `rollback` works. The idle timer rolls back by itself; it stops once `commit` is called.
 */
import { setImmediate } from 'node:timers/promises';
import type { Json, JsonObject } from '../../../model/canonical-json.ts';
import type { Digest } from '../../../model/digest.ts';
import { HoldfastError, isFailure } from '../../../model/failure.ts';
import type { RowChange, SqlEffect } from '../../../model/record/effect.ts';
import type { IdentityState, RowState, SchemaState } from '../../../model/record/world.ts';
import { atPoints } from '../../../store/fault-point.ts';
import type { ChangedRows, DatabaseTransaction, Entered, Entry, TakenToken } from '../database.ts';
import type { QueryOptions, QueryResult, RowRequest } from '../database.ts';
import type { CountedChanges, FoundRow, Reach, ReferringRequest } from '../reach.ts';
import { formatTableName, parseTableName } from '../table-name.ts';
import {
  parseTargetTable,
  putRowStatements,
  isMissing,
  missingRow,
  rowChangeStatement,
  unknownTable,
  type BoundStatement,
} from '../row-statement.ts';
import { retryWhileBusy } from './busy.ts';
import type { ChangeWatch, SqliteConnection } from './connection.ts';
import { noteRows, passFence, takeToken } from './own-tables.ts';
import { countedChanges, referringRows } from './reach.ts';
import { readSqliteRows } from './rows.ts';
import { rowObjects } from '../row-objects.ts';
import { controlsTransaction, cutStatement } from '../statement-text.ts';
import { onlyRollsBack, transactionFailure } from '../transaction-failure.ts';
import { decodeSqlite } from '../values.ts';

/** Changes before the event loop gets a turn. */
const ROWS_PER_TURN = 500;

export interface SqliteTransactionOptions {
  readonly database: string;
  readonly connection: SqliteConnection;
  readonly lockTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly readIdentity: (connection: SqliteConnection) => IdentityState;
  /** Throws if the path no longer leads to the file that the connection has open. */
  readonly assertSameFile: () => void;
  /** Called once, when the transaction is over. */
  readonly onEnd: () => void;
}

export class SqliteTransaction implements DatabaseTransaction {
  readonly #options: SqliteTransactionOptions;
  readonly #connection: SqliteConnection;
  #failure: HoldfastError | undefined;
  #needsSettling = false;
  #watch: ChangeWatch | undefined;
  #isOver = false;
  #idleTimer: NodeJS.Timeout | undefined;

  /** The connection has begun the transaction already. */
  constructor(options: SqliteTransactionOptions) {
    this.#options = options;
    this.#connection = options.connection;
    this.#restartIdleTimer();
  }

  identity(): Promise<IdentityState> {
    return this.#do(() => this.#options.readIdentity(this.#connection));
  }

  passFence(jobId: string, term: number, token: string): Promise<boolean> {
    return this.#do(() => passFence(this.#connection, { jobId, term, token }));
  }

  takeToken(token: string, jobId: string, intent: Digest): Promise<TakenToken> {
    return this.#do(() => takeToken(this.#connection, { token, jobId, intent }));
  }

  enter(entry: Entry): Promise<Entered> {
    return this.#do((): Entered =>
      passFence(this.#connection, entry) ? takeToken(this.#connection, entry) : { outcome: 'other-term' },
    );
  }

  async dropToken(token: string): Promise<void> {
    await this.#do(() => this.#connection.run('DELETE FROM main.holdfast_token WHERE token = ?', [token]));
  }

  rows(requests: readonly RowRequest[]): Promise<readonly RowState[]> {
    return this.#do(() => readSqliteRows(this.#connection, this.#options.database, requests));
  }

  query(
    sql: string,
    params: readonly Json[],
    { maxRows }: Pick<QueryOptions, 'maxRows'> = {},
  ): Promise<Pick<QueryResult, 'rows'>> {
    return this.#do(() => ({
      rows: rowObjects(this.#options.database, this.#connection.query(sql, params, maxRows), decodeSqlite),
    }));
  }

  schema(table: string): Promise<SchemaState> {
    return this.#do(() => this.#connection.schema(parseTableName(table)));
  }

  reach(tables: readonly string[]): Promise<Reach> {
    return this.#do(() => this.#connection.reach(tables.map(parseTableName)));
  }

  referring(request: ReferringRequest): Promise<readonly FoundRow[]> {
    return this.#do(() => referringRows(this.#connection, this.#options.database, request));
  }

  async applyRow(change: RowChange): Promise<void> {
    await this.applyRows([change]);
  }

  applyRows(changes: readonly RowChange[]): Promise<readonly RowChange[]> {
    return this.#change(async () => {
      const unmade: RowChange[] = [];
      for (const [place, change] of changes.entries()) {
        if (place > 0 && place % ROWS_PER_TURN === 0) await setImmediate();
        if (this.#run(rowChangeStatement(this.#target(change.table), change)) > 0) continue;
        if (isMissing(change)) throw missingRow(this.#options.database, change);
        unmade.push(change);
      }
      return unmade;
    });
  }

  async changeRows(changes: readonly RowChange[], requests: readonly RowRequest[]): Promise<ChangedRows> {
    const unmade = await this.applyRows(changes);
    await this.settle();
    return { unmade, states: await this.rows(requests) };
  }

  async countChanges(): Promise<void> {
    await this.#do(() => (this.#watch ??= this.#connection.watchChanges()));
  }

  changesCounted(): Promise<readonly CountedChanges[] | undefined> {
    return this.#do(() =>
      this.#watch === undefined ? undefined : countedChanges(this.#connection, this.#watch.changeset()),
    );
  }

  async applySql(effect: Pick<SqlEffect, 'text' | 'params'>): Promise<void> {
    await this.#change(() => {
      if (controlsTransaction(effect.text))
        throw this.#error(
          'sql-failed',
          `${cutStatement(effect.text)} would end the transaction that the step's effects share. Leave it out`,
        );
      this.#connection.runForeign(effect.text, effect.params);
    });
  }

  async putRow(table: string, key: JsonObject, state: RowState): Promise<void> {
    await this.#change(() => {
      for (const statement of putRowStatements(this.#target(table), key, state)) {
        if (this.#run(statement) > 0) return;
      }
    });
  }

  async settle(): Promise<void> {
    await this.#do(() => this.#settle());
  }

  async noteRows(token: string, rows: string): Promise<void> {
    await this.#do(() => {
      this.#settle();
      if (!noteRows(this.#connection, token, rows))
        throw this.#error('defect', `the token row ${token} is not there to note rows in`);
    });
  }

  async keepAlive(): Promise<void> {
    await this.#do(() => undefined);
  }

  async commit(): Promise<void> {
    await this.#do(() => this.#settle());
    clearTimeout(this.#idleTimer);
    try {
      this.#options.assertSameFile();
      // A reader of a file without WAL holds COMMIT back; the transaction stays open meanwhile and may be tried again.
      await retryWhileBusy(this.#options.lockTimeoutMs, () =>
        atPoints('database-commit', () => this.#connection.run('COMMIT')),
      );
    } catch (error) {
      if (isFailure(error, 'busy') && this.#connection.isInTransaction) throw error;
      const isUnknown = isFailure(error, 'storage-failed', 'database-damaged');
      await this.rollback();
      if (isUnknown)
        throw new HoldfastError(
          error.type,
          `${error.message} Whether the transaction was committed is not known.`,
          { ...error.details, outcomeUnknown: true },
          { cause: error },
        );
      throw error;
    }
    this.#end();
  }

  async rollback(): Promise<void> {
    if (this.#isOver) return;
    try {
      if (this.#connection.isInTransaction) this.#connection.run('ROLLBACK');
    } finally {
      this.#connection.forgetShapes();
      this.#end();
    }
  }

  /** Runs one call in the transaction; a failure ends all but `rollback`. */
  async #do<T>(call: () => T | Promise<T>): Promise<T> {
    if (this.#failure !== undefined) throw onlyRollsBack(this.#failure);
    if (this.#isOver) throw this.#error('defect', 'the transaction is over already');
    clearTimeout(this.#idleTimer);
    try {
      if (!this.#connection.isInTransaction) throw this.#error('busy', 'SQLite ended the transaction by itself');
      return await call();
    } catch (error) {
      this.#failure = error instanceof HoldfastError ? error : this.#error('defect', String(error), error);
      throw this.#failure;
    } finally {
      this.#restartIdleTimer();
    }
  }

  #change<T>(call: () => T | Promise<T>): Promise<T> {
    return this.#do(() => {
      this.#needsSettling = true;
      return call();
    });
  }

  #settle(): void {
    if (!this.#needsSettling) return;
    this.#needsSettling = false;
    if (this.#connection.hasDeferredViolations())
      throw this.#error(
        'sql-failed',
        'a foreign key that is checked at the end (DEFERRABLE INITIALLY DEFERRED) is violated',
      );
  }

  #run(statement: BoundStatement): number {
    return this.#connection.run(
      statement.text,
      statement.parameters.map(({ value }) => value),
    );
  }

  #target(table: string): NonNullable<ReturnType<SqliteConnection['shape']>> {
    const name = parseTargetTable('sqlite', table);
    const shape = this.#connection.shape(name);
    if (shape === undefined) throw unknownTable(this.#options.database, formatTableName(name));
    return shape;
  }

  #restartIdleTimer(): void {
    clearTimeout(this.#idleTimer);
    if (this.#isOver) return;
    const expire = (): void => {
      this.#failure ??= this.#error(
        'busy',
        `the transaction was idle for ${this.#options.idleTimeoutMs} ms and was rolled back`,
      );
      if (this.#connection.isInTransaction) this.#connection.run('ROLLBACK');
      this.#connection.forgetShapes();
      this.#end();
    };
    this.#idleTimer = setTimeout(expire, this.#options.idleTimeoutMs).unref();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#idleTimer);
    this.#watch?.close();
    this.#options.onEnd();
  }

  #error(type: 'busy' | 'sql-failed' | 'defect', problem: string, cause?: unknown): HoldfastError {
    return transactionFailure(this.#options.database, { type, problem, cause });
  }
}
