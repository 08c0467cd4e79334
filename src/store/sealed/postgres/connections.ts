/**
 * A store's connections to its PostgreSQL server.
 *
 * Invariants
 * 1. Nothing is set for a session, so a pooler between us and the server does no harm: what writes says in the same
 *    statement that its commit waits for the disk (`DURABLY`).
 * 2. A connection in an unknown state is closed, and no error of a connection escapes as an event.
 */
import pg from 'pg';
import { HoldfastError } from '../../../model/failure.ts';
import { atPointsAsync } from '../../fault-point.ts';
import { postgresStoreFailure } from './failure.ts';

const MAX_CONNECTIONS = 6;
const CONNECT_TIMEOUT_MS = 5000;
const IDLE_CONNECTION_MS = 10_000;
/** A large document on a slow network. */
const ANSWER_TIMEOUT_MS = 60_000;
/** What the pool says when no connection became free in time; a server that doesn't answer has another text. */
const NONE_FREE = 'timeout exceeded when trying to connect';

/** A condition that holds: it has the commit wait for the disk, and for the standbys where the server wants that. */
export const DURABLY =
  "set_config('synchronous_commit', CASE current_setting('synchronous_commit') " +
  "WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true) IS NOT NULL";

/** One statement; its parameters go as text, bytes as bytes. */
export interface Statement {
  readonly text: string;
  readonly values?: readonly (string | Buffer | readonly string[])[];
}

/** Values as the server prints them. */
export interface Answer {
  readonly rows: readonly (readonly (string | null)[])[];
  /** Rows that the statement changed or returned. */
  readonly count: number;
}

/** Runs statements on one connection, without waiting for those before them. */
export type Run = (statement: Statement) => Promise<Answer>;

/** Each statement by itself, on any connection. */
export function runOne(connections: StoreConnections): Run {
  return async (statement) => (await connections.run(statement))[0]!;
}

export class StoreConnections {
  readonly #pool: pg.Pool;
  readonly #location: string;
  #end: Promise<void> | undefined;

  constructor(url: string, location: string) {
    this.#location = location;
    this.#pool = new pg.Pool({
      connectionString: url,
      application_name: 'holdfast checkpoints',
      max: MAX_CONNECTIONS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      idleTimeoutMillis: IDLE_CONNECTION_MS,
      allowExitOnIdle: true,
      keepAlive: true,
      pipeline: true,
      types: { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig,
    });
    this.#pool.on('error', () => undefined);
  }

  /** Statements that are transactions of their own: all are sent at once, in one round trip. */
  async run(...statements: readonly Statement[]): Promise<readonly Answer[]> {
    return await this.#lease(async (run) => await settled(statements.map(run)));
  }

  /** `work` between BEGIN and COMMIT. */
  async transaction<T>(work: (run: Run) => Promise<T>): Promise<T> {
    return await this.#lease(async (run) => {
      const [, result] = await settled<unknown>([run({ text: 'BEGIN' }), work(run)]);
      await atPointsAsync('database-commit', () => run({ text: 'COMMIT' }));
      return result as T;
    });
  }

  async close(): Promise<void> {
    await (this.#end ??= this.#pool.end());
  }

  async #lease<T>(work: (run: Run) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    let lastWords: unknown;
    const onError = (error: Error): void => {
      lastWords ??= error;
    };
    client.on('error', onError);
    let mustClose = true;
    try {
      const result = await work((statement) => this.#query(client, statement));
      mustClose = lastWords !== undefined;
      return result;
    } catch (error) {
      throw postgresStoreFailure(error, { location: this.#location, lastWords });
    } finally {
      // After a failure the server rolls back by itself: whether one is open need not be known.
      client.release(mustClose);
      client.off('error', onError);
      if (mustClose) client.on('error', () => undefined);
    }
  }

  async #query(client: pg.PoolClient, { text, values = [] }: Statement): Promise<Answer> {
    const options = { rowMode: 'array', queryMode: 'extended', query_timeout: ANSWER_TIMEOUT_MS };
    const config = { ...options, text, values: [...values] };
    const { rows, rowCount } = await client.query<(string | null)[]>(config as pg.QueryArrayConfig);
    return { rows, count: rowCount ?? 0 };
  }

  async #connect(): Promise<pg.PoolClient> {
    if (this.#end !== undefined)
      throw new HoldfastError('storage-unreachable', `The store ${this.#location} is closed.`, {
        store: this.#location,
      });
    try {
      return await this.#pool.connect();
    } catch (error) {
      if (!(error instanceof Error && error.message === NONE_FREE))
        throw postgresStoreFailure(error, { location: this.#location });
      const problem = `All ${MAX_CONNECTIONS} connections to the store ${this.#location} are in use.`;
      throw new HoldfastError('busy', problem, { store: this.#location }, { cause: error });
    }
  }
}

/** Waits for all of them, so that none goes on unseen; then throws the first failure. */
async function settled<T>(pending: readonly Promise<T>[]): Promise<readonly T[]> {
  const ends = await Promise.allSettled(pending);
  return ends.map((end) => {
    if (end.status === 'rejected') throw end.reason;
    return end.value;
  });
}
