/**
 * A small pool of connections to one PostgreSQL server.
 *
 * Invariant: no error of an idle connection escapes as an event: a dropped one is forgotten.
 */
import pg from 'pg';
import type { TransactionTimeouts } from '../database.ts';
import { postgresFailure } from './failure.ts';
import { PostgresSession } from './session.ts';
import { postgresTypes } from './values.ts';

const MAX_CONNECTIONS = 6;
const CONNECT_TIMEOUT_MS = 5000;
const IDLE_CONNECTION_MS = 10_000;
/** How long closing waits for transactions that are still open. */
const CLOSE_GRACE_MS = 2000;

export class PostgresSessions {
  readonly #pool: pg.Pool;
  readonly #database: string;
  readonly #leased = new Set<PostgresSession>();

  constructor(options: { readonly name: string; readonly url: string; readonly applicationName: string }) {
    this.#database = options.name;
    this.#pool = new pg.Pool({
      connectionString: options.url,
      application_name: options.applicationName,
      max: MAX_CONNECTIONS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      idleTimeoutMillis: IDLE_CONNECTION_MS,
      allowExitOnIdle: true,
      keepAlive: true,
      pipeline: true,
      types: postgresTypes() as unknown as pg.CustomTypesConfig,
    });
    // An idle connection that drops is removed by the pool; what it said matters to nobody.
    this.#pool.on('error', () => undefined);
  }

  /** @throws HoldfastError `storage-unreachable`, `permission-denied`. */
  async lease(timeouts: TransactionTimeouts): Promise<PostgresSession> {
    try {
      const session: PostgresSession = new PostgresSession(await this.#pool.connect(), this.#database, timeouts, () =>
        this.#leased.delete(session),
      );
      this.#leased.add(session);
      return session;
    } catch (error) {
      throw postgresFailure(error, { database: this.#database });
    }
  }

  /** Requests the server to end what another connection is running. Best effort. */
  cancel(processId: number | null): void {
    if (processId !== null) void this.#pool.query('SELECT pg_cancel_backend($1)', [processId]).catch(() => undefined);
  }

  /** Whoever still holds a connection after a while loses it: the server rolls back. */
  async end(): Promise<void> {
    const evict = setTimeout(() => {
      for (const session of this.#leased) session.release({ close: true });
    }, CLOSE_GRACE_MS);
    try {
      await this.#pool.end();
    } finally {
      clearTimeout(evict);
    }
  }
}
