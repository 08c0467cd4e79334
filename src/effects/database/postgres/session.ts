/**
 * One connection to a PostgreSQL server: what every transaction sets, and the wire.
 *
 * Invariants
 * 1. Everything runs in a transaction that sets what it relies on (SET LOCAL): durability, timeouts, how values print.
 *    Nothing is set for a session, so a pooler between us and the server does no harm.
 * 2. Statements run by the extended protocol, which takes one statement at a time; only our own fixed texts do not.
 *    Those that read the catalog are prepared under names that their texts give (prepared.ts).
 * 3. No error of a connection escapes as an event: it fails the connection's calls.
 * 4. What a step's statement leaves in its session reaches nobody: a connection on which one plainly does (SET,
 *    temporary tables, locks) is closed, any other on which one ran is emptied (DISCARD ALL) before it is used again,
 *    since a function may have done the same unseen.
 */
import type { Duplex } from 'node:stream';
import pg from 'pg';
import type { Json } from '../../../model/canonical-json.ts';
import { defined } from '../../../model/defined.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { invariant } from '../../../model/invariant.ts';
import type { TransactionTimeouts } from '../database.ts';
import { AnswerWatch } from './answer-watch.ts';
import { postgresFailure } from './failure.ts';
import { forgetPrepared, withoutPrepared, type PreparedStatements } from './prepared.ts';
import { cutStatement, firstKeyword } from '../statement-text.ts';
import { quoteTable, type TableName } from '../table-name.ts';

/** How much longer than the server's own timeout we wait for its answer, before the connection counts as lost. */
const ANSWER_GRACE_MS = 5000;

export interface PostgresRows {
  readonly names: readonly string[];
  readonly rows: readonly (readonly Json[])[];
  /** Rows that the statement changed or returned. */
  readonly count: number;
  /** `INSERT`, `COMMIT`, … as the server reports it. */
  readonly command: string;
}

/**
 * How a transaction begins. `snapshot`: everything it reads is of one moment; a row changed since refuses our write.
 */
export type TransactionKind = 'read snapshot' | 'write snapshot' | 'write latest';

const BEGIN: Readonly<Record<TransactionKind, string>> = {
  'read snapshot': 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
  'write snapshot': 'BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE',
  'write latest': 'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE',
};
/** So that one value has one text, whoever reads it: a role's or server's own settings would show as drift. */
const PRINTING = {
  timezone: 'UTC',
  datestyle: 'ISO, YMD',
  intervalstyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '1',
};

const SET_DURABLE =
  "set_config('synchronous_commit', CASE current_setting('synchronous_commit') " +
  "WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true)";
/** Commits wait for the disk, and for the standbys where the server, database or role asks for that. */
export const DURABLE = `SELECT ${SET_DURABLE}`;

export interface SessionOptions {
  readonly client: pg.PoolClient;
  readonly database: string;
  readonly timeouts: TransactionTimeouts;
  /** Of the pool that the connection is from. */
  readonly prepared: PreparedStatements;
  readonly onRelease: () => void;
}

/** One connection, leased until `release`. Statements may be sent without awaiting those before them. */
export class PostgresSession {
  readonly #client: pg.PoolClient;
  readonly #database: string;
  readonly #timeouts: TransactionTimeouts;
  readonly #onError: (error: Error) => void;
  readonly #onRelease: () => void;
  readonly #prepared: PreparedStatements;
  readonly #answers: AnswerWatch;
  #lastWords: unknown;
  #mustClose = false;
  #ranForeign = false;
  #isReleased = false;
  #isEnding = false;

  constructor({ client, database, timeouts, prepared, onRelease }: SessionOptions) {
    this.#onRelease = onRelease;
    this.#client = client;
    this.#database = database;
    this.#timeouts = timeouts;
    this.#prepared = prepared;
    this.#answers = new AnswerWatch(client, timeouts.statementTimeoutMs + ANSWER_GRACE_MS);
    this.#onError = (error) => {
      this.#lastWords ??= error;
      this.#mustClose = true;
    };
    client.on('error', this.#onError);
  }

  get processId(): number | null {
    return (this.#client as unknown as { readonly processID: number | null }).processID;
  }

  /** `locked`: tables whose definition nobody changes from before the snapshot is taken until the end. */
  async begin(kind: TransactionKind, locked: readonly TableName[] = []): Promise<void> {
    const { lockTimeoutMs, statementTimeoutMs, idleTimeoutMs } = this.#timeouts;
    const settings = {
      ...PRINTING,
      lock_timeout: milliseconds(lockTimeoutMs),
      statement_timeout: milliseconds(statementTimeoutMs),
      idle_in_transaction_session_timeout: milliseconds(idleTimeoutMs),
    };
    // One statement for all, as local to the transaction as SET LOCAL.
    const calls = Object.entries(settings).map(([name, value]) => `set_config('${name}', '${value}', true)`);
    // Neither SET nor LOCK takes the snapshot: what was committed while the lock was waited for is seen.
    const tables = locked.map((table) => `ONLY ${quoteTable(table)}`).join(', ');
    const lock = `SET LOCAL lock_timeout = ${settings.lock_timeout}; LOCK TABLE ${tables} IN ROW EXCLUSIVE MODE; `;
    const first = locked.length === 0 ? '' : lock;
    this.gather();
    // One column for all of them: each would be described and parsed.
    await this.fixed(`${BEGIN[kind]}; ${first}SELECT num_nulls(${[...calls, SET_DURABLE].join(', ')})`);
  }

  /** One statement. `parameters` are encoded already. `shown`: what a failure calls the statement. */
  async run(
    text: string,
    parameters: readonly (string | Buffer | null)[] = [],
    { shown = text, name }: { readonly shown?: string; readonly name?: string } = {},
  ): Promise<PostgresRows> {
    if (this.#isEnding)
      invariant(false, `a statement was sent after the COMMIT of its transaction: ${cutStatement(shown)}`);
    const config = {
      text,
      values: [...parameters],
      rowMode: 'array',
      queryMode: 'extended',
      ...defined({ name }),
    };
    const result = await this.#guard(shown, this.#client.query<Json[]>(config as pg.QueryArrayConfig));
    return {
      names: result.fields.map((field) => field.name),
      rows: result.rows,
      count: result.rowCount ?? 0,
      command: result.command ?? '',
    };
  }

  /**
   * One statement of our own whose text and whose columns never change: the server plans it once a connection. What it
   * reads it reads each time.
   */
  async runPrepared(text: string, parameters: readonly (string | Buffer | null)[] = []): Promise<PostgresRows> {
    const name = this.#prepared.nameOf(text);
    try {
      return await this.run(text, parameters, defined({ name }));
    } catch (error) {
      if (name === undefined || !this.#prepared.isLost(error)) throw error;
      this.#mustClose = true;
      throw withoutPrepared(this.#database, error);
    }
  }

  /** What is sent until the event loop turns goes out in one write: each would wake the server up by itself. */
  gather(): void {
    const { stream } = (this.#client as unknown as { readonly connection: { readonly stream: Duplex } }).connection;
    stream.cork();
    process.nextTick(() => stream.uncork());
  }

  /** What was sent is all: its COMMIT may go out behind it, and a statement after that is a defect. */
  endBurst(): void {
    this.#isEnding = true;
  }

  /** Several fixed statements of our own in one message. @returns the last one's command */
  async fixed(text: string): Promise<string> {
    const result = (await this.#guard(text, this.#client.query(text))) as unknown as pg.QueryResult | pg.QueryResult[];
    return (Array.isArray(result) ? result.at(-1)?.command : result.command) ?? '';
  }

  /**
   * Notes that a step's statement ran, so that the connection is closed, or emptied where the statement seems to leave
   * nothing behind.
   */
  noteForeign(text: string): void {
    this.#ranForeign = true;
    const isPlain =
      /^(SELECT|WITH|VALUES|TABLE|INSERT|UPDATE|DELETE|MERGE)$/.test(firstKeyword(text)) &&
      !/set_config|advisory|\btemp|listen/i.test(text);
    if (!isPlain) this.#mustClose = true;
  }

  /** Gives the connection back; one in an unknown state is closed. Safe to repeat. */
  release(options: { readonly close?: boolean } = {}): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#answers.end();
    const mustClose = this.#mustClose || options.close === true;
    if (this.#ranForeign && !mustClose) {
      const emptied = this.#client.query({ text: 'DISCARD ALL', query_timeout: ANSWER_GRACE_MS } as pg.QueryConfig);
      void emptied.then(
        () => {
          // DISCARD ALL has dropped them on the server, of which the driver does not know.
          forgetPrepared(this.#client);
          this.#giveBack(this.#mustClose);
        },
        () => this.#giveBack(true),
      );
    } else {
      this.#giveBack(mustClose);
    }
  }

  #giveBack(mustClose: boolean): void {
    this.#onRelease();
    this.#client.off('error', this.#onError);
    // The pool listens again once it has the connection back, but not while it closes it.
    if (mustClose) this.#client.on('error', () => undefined);
    this.#client.release(mustClose);
  }

  async #guard<T>(text: string, answer: Promise<T>): Promise<T> {
    try {
      return await this.#answers.watch(answer);
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) this.#mustClose = true;
      throw postgresFailure(error, { database: this.#database, statement: text, lastWords: this.#lastWords });
    }
  }
}

function milliseconds(value: number): string {
  if (Number.isInteger(value) && value > 0 && value <= 0x7fffffff) return String(value);
  throw new HoldfastError('bad-input', `${value} is not a timeout. Expected a whole number of milliseconds above 0.`);
}
