/**
 * One pool of connections for each database and process, whoever uses it: a hundred workspaces on one server open no
 * more connections than one.
 *
 * Invariants
 * 1. No error of an idle connection escapes as an event: a dropped one is forgotten.
 * 2. Whoever has a transaction open may need a second connection to go on; transactions never take the last ones.
 */
import pg from 'pg';
import { HoldfastError } from '../../../model/failure.ts';
import { PreparedStatements } from './prepared.ts';
import { postgresTypes } from './values.ts';

const MAX_CONNECTIONS = 20;
const MAX_TRANSACTIONS = 10;
const CONNECT_TIMEOUT_MS = 5000;
const IDLE_CONNECTION_MS = 10_000;

export interface PoolOptions {
  readonly url: string;
  readonly applicationName: string;
}

export class SharedPool {
  readonly pool: pg.Pool;
  readonly prepared = new PreparedStatements();
  users = 0;
  #transactions = 0;
  readonly #waiting: (() => void)[] = [];

  constructor({ url, applicationName }: PoolOptions) {
    this.pool = new pg.Pool({
      connectionString: url,
      application_name: applicationName,
      max: MAX_CONNECTIONS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      idleTimeoutMillis: IDLE_CONNECTION_MS,
      allowExitOnIdle: true,
      keepAlive: true,
      pipeline: true,
      types: postgresTypes() as unknown as pg.CustomTypesConfig,
    });
    // An idle connection that drops is removed by the pool; what it said matters to nobody.
    this.pool.on('error', () => undefined);
  }

  /** Waits for its turn; to be given back by `endTransaction`. @throws HoldfastError `busy` */
  async beginTransaction(database: string, limitMs: number): Promise<void> {
    if (this.#transactions < MAX_TRANSACTIONS) {
      this.#transactions++;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const turn = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        const problem = `${MAX_TRANSACTIONS} transactions of this worker were open for ${limitMs} ms`;
        reject(new HoldfastError('busy', `Database ${database}: ${problem}.`, { database }));
      }, limitMs);
      this.#waiting.push(turn);
    });
  }

  endTransaction(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#transactions--;
    else next();
  }
}

const pools = new Map<string, SharedPool>();

/** The process's pool for this database; to be given back by `leavePool`. */
export function joinPool(options: PoolOptions): SharedPool {
  const key = keyOf(options);
  const pool = pools.get(key) ?? new SharedPool(options);
  pools.set(key, pool);
  pool.users++;
  return pool;
}

/** The last one to leave ends it. */
export async function leavePool(options: PoolOptions, pool: SharedPool): Promise<void> {
  pool.users--;
  if (pool.users > 0) return;
  if (pools.get(keyOf(options)) === pool) pools.delete(keyOf(options));
  await pool.pool.end();
}

function keyOf({ url, applicationName }: PoolOptions): string {
  return JSON.stringify([url, applicationName]);
}
