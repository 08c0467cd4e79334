/**
 * A read-write transaction on PostgreSQL.
 *
 * Invariants
 * 1. It counts as committed only when the server answers COMMIT with COMMIT; an answer that never came is
 *    `outcomeUnknown`, and the token row tells.
 * 2. A step's statement can neither end the transaction nor take its durability away.
 * 3. After a failed call only `rollback` works: the server refuses everything else too.
 */
import type { Json, JsonObject } from '../../../model/canonical-json.ts';
import type { Digest } from '../../../model/digest.ts';
import { HoldfastError } from '../../../model/failure.ts';
import type { RowChange, SqlEffect } from '../../../model/record/effect.ts';
import type { IdentityState, RowState, SchemaState } from '../../../model/record/world.ts';
import { atPointsAsync } from '../../../store/fault-point.ts';
import type {
  ChangedRows,
  DatabaseTransaction,
  Entered,
  Entry,
  QueryOptions,
  QueryResult,
  RowRequest,
  TakenToken,
} from '../database.ts';
import { applyRowChanges, isSentAtOnce, runBound } from './bulk.ts';
import type { CountedChanges, FoundRow, Reach, ReferringRequest } from '../reach.ts';
import {
  readPostgresChanges,
  readPostgresCounts,
  readPostgresReach,
  readPostgresReferring,
  type PostgresCounts,
} from './reach.ts';
import { enter, noteRows, passFence, takeToken } from './own-rows.ts';
import { readPostgresRows, settleAll } from './rows.ts';
import { queryReadOnly } from './query.ts';
import { DURABLE, type PostgresSession } from './session.ts';
import { requestedColumns, type PostgresShapes } from './shapes.ts';
import { encodePostgres } from './values.ts';
import { asIs, rowObjects } from '../row-objects.ts';
import { parseTableName } from '../table-name.ts';
import type { TableShape } from '../table-shape.ts';
import { parseTargetTable, putRowStatements, unknownTable } from '../row-statement.ts';
import { controlsTransaction, cutStatement } from '../statement-text.ts';
import { onlyRollsBack, outcomeUnknown, transactionFailure } from '../transaction-failure.ts';

export interface PostgresTransactionOptions {
  readonly database: string;
  readonly session: PostgresSession;
  readonly shapes: PostgresShapes;
  readonly changes: readonly string[];
  readonly readIdentity: (session: PostgresSession) => Promise<IdentityState>;
}

export class PostgresTransaction implements DatabaseTransaction {
  readonly #options: PostgresTransactionOptions;
  readonly #session: PostgresSession;
  /** The answer to BEGIN, which is sent together with the first statement. */
  readonly #begun: Promise<void>;
  #failure: HoldfastError | undefined;
  #needsSettling = false;
  #counts: PostgresCounts | undefined;
  #isOver = false;

  constructor(options: PostgresTransactionOptions) {
    this.#options = options;
    this.#session = options.session;
    this.#begun = options.shapes.begin(options.changes);
    this.#begun.catch(() => undefined);
  }

  identity(): Promise<IdentityState> {
    return this.#do(() => this.#options.readIdentity(this.#session));
  }

  passFence(jobId: string, term: number, token: string): Promise<boolean> {
    return this.#do(() => passFence(this.#session, { jobId, term, token }));
  }

  takeToken(token: string, jobId: string, intent: Digest): Promise<TakenToken> {
    return this.#do(() => takeToken(this.#session, { token, jobId, intent }));
  }

  enter(entry: Entry): Promise<Entered> {
    return this.#do(() => enter(this.#session, entry));
  }

  async dropToken(token: string): Promise<void> {
    await this.#do(() => this.#session.run('DELETE FROM holdfast_token WHERE token = $1', [token]));
  }

  rows(requests: readonly RowRequest[]): Promise<readonly RowState[]> {
    return this.#do(async () =>
      readPostgresRows(
        this.#session,
        this.#options.database,
        await this.#options.shapes.get(requestedColumns(requests)),
        requests,
      ),
    );
  }

  query(
    sql: string,
    params: readonly Json[],
    { maxRows }: Pick<QueryOptions, 'maxRows'> = {},
  ): Promise<Pick<QueryResult, 'rows'>> {
    return this.#do(async () => {
      this.#refuseControl(sql);
      const parameters = params.map((value) => encodePostgres(value));
      this.#session.noteForeign(sql);
      const result = await queryReadOnly(this.#session, sql, parameters, maxRows);
      return { rows: rowObjects(this.#options.database, result, asIs) };
    });
  }

  schema(table: string): Promise<SchemaState> {
    return this.#do(() => this.#options.shapes.readSchema(table));
  }

  reach(tables: readonly string[]): Promise<Reach> {
    return this.#do(() => readPostgresReach(this.#session, tables.map(parseTableName)));
  }

  referring(request: ReferringRequest): Promise<readonly FoundRow[]> {
    return this.#do(async () =>
      readPostgresReferring(this.#session, await this.#shape(request.table, request.columns), request),
    );
  }

  async countChanges(): Promise<void> {
    this.#counts ??= await this.#do(() => readPostgresCounts(this.#session));
  }

  changesCounted(): Promise<readonly CountedChanges[] | undefined> {
    return this.#do(() => (this.#counts === undefined ? undefined : readPostgresChanges(this.#session, this.#counts)));
  }

  async applyRow(change: RowChange): Promise<void> {
    await this.applyRows([change]);
  }

  applyRows(changes: readonly RowChange[]): Promise<readonly RowChange[]> {
    return this.#change(async () => {
      const { database } = this.#options;
      return await applyRowChanges(
        { database, session: this.#session, shapes: await this.#shapesFor(changes) },
        changes,
      );
    });
  }

  changeRows(changes: readonly RowChange[], requests: readonly RowRequest[]): Promise<ChangedRows> {
    return this.#change(async () => {
      const { database } = this.#options;
      const shapes = await this.#shapesFor(changes, requests);
      this.#session.gather();
      const applied = applyRowChanges({ database, session: this.#session, shapes }, changes);
      if (!isSentAtOnce(changes)) await applied;
      // Behind one that fails the server refuses the others; its own failure is the one that is thrown.
      const read = [this.#settle(), readPostgresRows(this.#session, database, shapes, requests)];
      const [unmade, , states] = await settleAll<unknown>([applied, ...read]);
      return { unmade, states } as ChangedRows;
    });
  }

  async applySql(effect: Pick<SqlEffect, 'text' | 'params'>): Promise<void> {
    await this.#change(async () => {
      this.#refuseControl(effect.text);
      this.#options.shapes.forget();
      this.#session.noteForeign(effect.text);
      await this.#session.run(
        effect.text,
        effect.params.map((value) => encodePostgres(value)),
      );
    });
  }

  async putRow(table: string, key: JsonObject, state: RowState): Promise<void> {
    await this.#change(async () => {
      const columns = state.kind === 'row' ? Object.keys(state.columns) : [];
      const shape = await this.#target(table, [...Object.keys(key), ...columns]);
      for (const statement of putRowStatements(shape, key, state)) {
        if ((await runBound(this.#session, statement)) > 0) return;
      }
    });
  }

  async settle(): Promise<void> {
    await this.#do(() => this.#settle());
  }

  async noteRows(token: string, rows: string): Promise<void> {
    await this.#do(async () => {
      await this.#settle();
      if (!(await noteRows(this.#session, token, rows)))
        throw this.#error('defect', `the token row ${token} is not there to note rows in`);
    });
  }

  async keepAlive(): Promise<void> {
    await this.#do(() => this.#session.run('SELECT 1'));
  }

  async commit(): Promise<void> {
    await this.#do(() => this.#settle());
    let command: string;
    try {
      command = await atPointsAsync('database-commit', () => this.#session.fixed('COMMIT'));
    } catch (error) {
      const failure = error as HoldfastError;
      this.#end({ close: true });
      // An error with an SQLSTATE of a running server is an answer: nothing was committed.
      if (failure.type !== 'storage-unreachable' && failure.type !== 'defect') throw failure;
      throw outcomeUnknown(failure);
    }
    this.#end();
    if (command !== 'COMMIT')
      throw this.#error('defect', `the server answered ${command} to COMMIT; nothing was committed`);
  }

  async rollback(): Promise<void> {
    if (this.#isOver) return;
    try {
      await this.#session.fixed('ROLLBACK');
      this.#end();
    } catch {
      // The server rolls back what a connection leaves behind.
      this.#end({ close: true });
    }
  }

  /** Runs one call in the transaction; a failure ends all but `rollback`. */
  async #do<T>(call: () => T | Promise<T>): Promise<T> {
    if (this.#failure !== undefined) throw onlyRollsBack(this.#failure);
    if (this.#isOver) throw this.#error('defect', 'the transaction is over already');
    try {
      const [, result] = await settleAll<unknown>([this.#begun, (async () => call())()]);
      return result as T;
    } catch (error) {
      const failure =
        error instanceof HoldfastError
          ? this.#options.shapes.explain(error)
          : this.#error('defect', String(error), error);
      this.#failure ??= failure;
      throw failure;
    }
  }

  #change<T>(call: () => Promise<T>): Promise<T> {
    return this.#do(() => {
      this.#needsSettling = true;
      return call();
    });
  }

  async #settle(): Promise<void> {
    if (!this.#needsSettling) return;
    this.#needsSettling = false;
    // A step's statement may have turned durability off for this very transaction; after this none of its code runs.
    await this.#session.fixed(`SET CONSTRAINTS ALL IMMEDIATE; RESET synchronous_commit; ${DURABLE}`);
  }

  async #shapesFor(
    changes: readonly RowChange[],
    requests: readonly RowRequest[] = [],
  ): Promise<ReadonlyMap<string, TableShape>> {
    const changed = changes.map(({ table, key, values }) => ({ table, key, columns: Object.keys(values) }));
    return await this.#options.shapes.get(requestedColumns([...changed, ...requests]));
  }

  async #target(table: string, columns: readonly string[]): Promise<TableShape> {
    parseTargetTable('postgres', table);
    return await this.#shape(table, columns);
  }

  async #shape(table: string, columns: readonly string[]): Promise<TableShape> {
    const shape = (await this.#options.shapes.get([[table, columns]])).get(table);
    if (shape === undefined) throw unknownTable(this.#options.database, table);
    return shape;
  }

  #refuseControl(sql: string): void {
    if (controlsTransaction(sql))
      throw this.#error(
        'sql-failed',
        `${cutStatement(sql)} would end or change the transaction that the step's effects share. Leave it out`,
      );
  }

  #end(options: { readonly close?: boolean } = {}): void {
    this.#isOver = true;
    this.#session.release(options);
  }

  #error(type: 'sql-failed' | 'defect', problem: string, cause?: unknown): HoldfastError {
    return transactionFailure(this.#options.database, { type, problem, cause });
  }
}
