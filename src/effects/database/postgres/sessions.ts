/** One database's use of the process's connections to its server. */
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { HoldfastError } from '../../../model/failure.ts';
import type { TransactionTimeouts } from '../database.ts';
import { atPointsAsync } from '../../../store/fault-point.ts';
import { postgresFailure } from './failure.ts';
import { settleAll } from './rows.ts';
import { PostgresSession, type SessionOptions, type TransactionKind } from './session.ts';
import { joinPool, leavePool, type PoolOptions, type SharedPool } from './shared-pools.ts';

/** How long closing waits for transactions that are still open. */
const CLOSE_GRACE_MS = 2000;
const CLOSE_POLL_MS = 5;
/** What the pool says when no connection became free in time; a server that doesn't answer has another text. */
const NONE_FREE = 'timeout exceeded when trying to connect';

/** Of reads and of Holdfast's own small writes. */
const OWN_TIMEOUTS: TransactionTimeouts = { lockTimeoutMs: 5000, statementTimeoutMs: 30_000, idleTimeoutMs: 30_000 };

export class PostgresSessions {
  readonly #options: PoolOptions;
  readonly #database: string;
  readonly #leased = new Set<PostgresSession>();
  /** Joined by the first use. */
  #shared: SharedPool | undefined;
  #isEnded = false;

  constructor({ name, ...options }: PoolOptions & { readonly name: string }) {
    this.#database = name;
    this.#options = options;
  }

  /**
   * Reads of one snapshot that know at once all that they ask: one round trip, BEGIN and COMMIT included. `call` sends
   * its statements before it awaits anything.
   */
  async burst<T>(call: (session: PostgresSession) => Promise<T>): Promise<T> {
    return await this.#use(async (session) => {
      const pending = [session.begin('read snapshot'), call(session)];
      session.endBurst();
      // A statement that failed makes the COMMIT behind it a ROLLBACK: the transaction is over either way.
      const end = atPointsAsync('database-commit', () => session.fixed('COMMIT'));
      return (await settleAll<unknown>([...pending, end]))[1] as T;
    });
  }

  /** Runs `call` between BEGIN and COMMIT; BEGIN goes out together with its first statement. */
  async transaction<T>(kind: TransactionKind, call: (session: PostgresSession) => Promise<T>): Promise<T> {
    return await this.#use(async (session) => {
      const [, result] = await settleAll<unknown>([session.begin(kind), call(session)]);
      const command = await atPointsAsync('database-commit', () => session.fixed('COMMIT'));
      if (command !== 'COMMIT')
        throw new HoldfastError('defect', `Database ${this.#database}: the server answered ${command} to COMMIT.`);
      return result as T;
    });
  }

  /**
   * For a transaction that stays open while other things are done.
   * @throws HoldfastError `storage-unreachable`, `permission-denied`, `busy`
   */
  async leaseForTransaction(timeouts: TransactionTimeouts): Promise<PostgresSession> {
    const shared = this.#pool();
    await shared.beginTransaction(this.#database, timeouts.lockTimeoutMs);
    try {
      const client = await this.#connect();
      return this.#take({ client, timeouts, prepared: shared.prepared, onRelease: () => shared.endTransaction() });
    } catch (error) {
      shared.endTransaction();
      throw error;
    }
  }

  /** Requests the server to end what another connection is running. Best effort. */
  cancel(processId: number | null): void {
    if (processId === null || this.#shared === undefined) return;
    void this.#shared.pool.query('SELECT pg_cancel_backend($1)', [processId]).catch(() => undefined);
  }

  /** Whoever still holds a connection after a while loses it: the server rolls back. Safe to repeat. */
  async end(): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const until = performance.now() + CLOSE_GRACE_MS;
    while (this.#leased.size > 0 && performance.now() < until) await pause(CLOSE_POLL_MS);
    for (const session of this.#leased) session.release({ close: true });
    const shared = this.#shared;
    this.#shared = undefined;
    if (shared !== undefined) await leavePool(this.#options, shared);
  }

  /** On its own connection, given back once nothing is open on it. `work` needs no second one. */
  async #use<T>(work: (session: PostgresSession) => Promise<T>): Promise<T> {
    const { prepared } = this.#pool();
    const client = await this.#connect();
    const session = this.#take({ client, timeouts: OWN_TIMEOUTS, prepared, onRelease: () => undefined });
    let isClean = false;
    try {
      const result = await work(session);
      isClean = true;
      return result;
    } catch (error) {
      isClean = await session.fixed('ROLLBACK').then(
        () => true,
        () => false,
      );
      throw error;
    } finally {
      session.release({ close: !isClean });
    }
  }

  #pool(): SharedPool {
    if (this.#isEnded)
      throw new HoldfastError('storage-unreachable', `Database ${this.#database} is closed.`, {
        database: this.#database,
      });
    return (this.#shared ??= joinPool(this.#options));
  }

  async #connect(): Promise<pg.PoolClient> {
    const { pool } = this.#pool();
    try {
      return await pool.connect();
    } catch (error) {
      const isBusy = error instanceof Error && error.message === NONE_FREE;
      if (!isBusy) throw postgresFailure(error, { database: this.#database });
      const problem = `Database ${this.#database}: all of this worker's connections are in use.`;
      throw new HoldfastError('busy', problem, { database: this.#database }, { cause: error });
    }
  }

  #take(options: Omit<SessionOptions, 'database'>): PostgresSession {
    const session: PostgresSession = new PostgresSession({
      ...options,
      database: this.#database,
      onRelease: () => {
        this.#leased.delete(session);
        options.onRelease();
      },
    });
    this.#leased.add(session);
    return session;
  }
}
