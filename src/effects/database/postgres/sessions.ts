/** One database's use of the process's connections to its server. */
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { HoldfastError } from '../../../model/failure.ts';
import type { TransactionTimeouts } from '../database.ts';
import { postgresFailure } from './failure.ts';
import { PostgresSession } from './session.ts';
import { joinPool, leavePool, type PoolOptions, type SharedPool } from './shared-pools.ts';

/** How long closing waits for transactions that are still open. */
const CLOSE_GRACE_MS = 2000;
const CLOSE_POLL_MS = 5;
/** What the pool says when no connection became free in time; a server that doesn't answer has another text. */
const NONE_FREE = 'timeout exceeded when trying to connect';

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

  /** For something short that needs no second connection. @throws HoldfastError as `leaseForTransaction` */
  async lease(timeouts: TransactionTimeouts): Promise<PostgresSession> {
    return this.#take(await this.#connect(), timeouts, () => undefined);
  }

  /**
   * For a transaction that stays open while other things are done.
   * @throws HoldfastError `storage-unreachable`, `permission-denied`, `busy`
   */
  async leaseForTransaction(timeouts: TransactionTimeouts): Promise<PostgresSession> {
    const shared = this.#pool();
    await shared.beginTransaction(this.#database, timeouts.lockTimeoutMs);
    try {
      return this.#take(await this.#connect(), timeouts, () => shared.endTransaction());
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

  #take(client: pg.PoolClient, timeouts: TransactionTimeouts, onRelease: () => void): PostgresSession {
    const session: PostgresSession = new PostgresSession(client, this.#database, timeouts, () => {
      this.#leased.delete(session);
      onRelease();
    });
    this.#leased.add(session);
    return session;
  }
}
