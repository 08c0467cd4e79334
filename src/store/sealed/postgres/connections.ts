/**
 * A store's connections to its PostgreSQL server.
 *
 * Invariants
 * 1. Nothing is set for a session, so a pooler between us and the server does no harm: what writes says in the same
 *    statement that its commit waits for the disk (`DURABLY`).
 * 2. What such a pooler may lose, statements that are prepared, is met once; from then on none is prepared.
 * 3. A connection in an unknown state is closed, and no error of a connection escapes as an event.
 */
import pg from 'pg';
import { defined } from '../../../model/defined.ts';
import { sha256Hex } from '../../../model/digest.ts';
import { HoldfastError, isFailure } from '../../../model/failure.ts';
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

/** No such prepared statement; one of that name is there already; its columns are others than when it was prepared. */
const LOST: ReadonlySet<unknown> = new Set(['26000', '42P05', '0A000']);

/** One statement; its parameters go as text, bytes as bytes. */
export interface Statement {
  readonly text: string;
  /** The server plans it once a connection. Its name is the digest of its text: under one name no other is run. */
  readonly isPrepared?: boolean;
  readonly values?: readonly (string | Buffer | readonly string[])[];
}

/** Values as the server prints them. */
export interface Answer {
  readonly rows: readonly (readonly (string | null)[])[];
  /** Rows that the statement changed or returned. */
  readonly count: number;
}

/** The server cuts names at 63 bytes. */
const NAME_DIGITS = 32;
const OPTIONS = { rowMode: 'array', queryMode: 'extended', query_timeout: ANSWER_TIMEOUT_MS };

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
  #isPreparing = true;
  readonly #names = new Map<string, string>();

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

  /** `work` between BEGIN and COMMIT; or ROLLBACK, where what it did is not wanted after all. */
  async transaction(work: (run: Run) => Promise<'commit' | 'rollback'>): Promise<void> {
    await this.#lease(async (run) => {
      const [, end] = await settled<unknown>([run({ text: 'BEGIN' }), work(run)]);
      if (end === 'commit') await atPointsAsync('database-commit', () => run({ text: 'COMMIT' }));
      else await run({ text: 'ROLLBACK' });
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
      throw this.#withoutPrepared(postgresStoreFailure(error, { location: this.#location, lastWords }));
    } finally {
      // After a failure the server rolls back by itself: whether one is open need not be known.
      client.release(mustClose);
      client.off('error', onError);
      if (mustClose) client.on('error', () => undefined);
    }
  }

  #nameOf(text: string): string {
    const name = this.#names.get(text) ?? `holdfast_${sha256Hex(text).slice(0, NAME_DIGITS)}`;
    this.#names.set(text, name);
    return name;
  }

  /** As one that is tried again. */
  #withoutPrepared(failure: unknown): unknown {
    if (!isFailure(failure) || !LOST.has(failure.details['sqlState'])) return failure;
    this.#isPreparing = false;
    return new HoldfastError(
      'busy',
      `The store ${this.#location} has lost a prepared statement, as behind a pooler; none is prepared from now on.`,
      { store: this.#location },
      { cause: failure },
    );
  }

  async #query(client: pg.PoolClient, { text, isPrepared = false, values = [] }: Statement): Promise<Answer> {
    const name = isPrepared && this.#isPreparing ? this.#nameOf(text) : undefined;
    const options = { ...OPTIONS, ...defined({ name }) };
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
