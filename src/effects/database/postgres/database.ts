/**
 * A PostgreSQL database as a job's database, on `pg`.
 *
 * Invariants
 * 1. Reads run in read-only transactions over one snapshot; they look at the catalog each time, but where a transaction
 *    that compares the schemas follows.
 * 2. No password reaches a message: nothing here prints the URL.
 * 3. Holdfast's own tables are created under an advisory lock, so that workers that start at once do it once.
 */
import type { Json, JsonObject } from '../../../model/canonical-json.ts';
import { HoldfastError, isFailure } from '../../../model/failure.ts';
import {
  ABSENT,
  type IdentityState,
  type RowState,
  type SchemaState,
  type TableSchemaState,
  type TokenState,
} from '../../../model/record/world.ts';
import type {
  Database,
  DatabaseTransaction,
  Fence,
  QueryOptions,
  QueryResult,
  RowRequest,
  RowsOptions,
  SchemaOptions,
  TablePlace,
  TransactionOptions,
} from '../database.ts';
import {
  createHoldfastTable,
  hasHoldfastTable,
  holdfastMark,
  strayTableText,
  type HoldfastTable,
} from '../holdfast-tables.ts';
import { isAboutSchema } from './failure.ts';
import { runPostgresQuery } from './query.ts';
import type { FoundRow, Reach, ReferringRequest } from '../reach.ts';
import { readPostgresReach, referringRows } from './reach.ts';
import { areAllCertain, expectedRows, spelledKeys } from './spelled-keys.ts';
import { readPostgresRows, settleAll } from './rows.ts';
import { DATABASE_IDENTITY, readIdentity, SERVER_IDENTITY } from './identity.ts';
import { readPostgresSchema } from './schema.ts';
import { KnownSchemas } from './known-schemas.ts';
import { hidingTables, locateStray, locateTable } from './locate.ts';
import { TABLES_READ, tablesRead } from './tables-read.ts';
import type { PostgresRows, PostgresSession } from './session.ts';
import { PostgresSessions } from './sessions.ts';
import { knownShapes, PostgresShapes, requestedColumns, type SharedShapes } from './shapes.ts';
import { PostgresTransaction } from './transaction.ts';
import { encodePostgres, encodePostgresArray } from './values.ts';
import { asIs, rowObjects } from '../row-objects.ts';
import { formatTableName, HOLDFAST_TABLES, parseTableName, quoteTable } from '../table-name.ts';
import { controlsTransaction, cutStatement } from '../statement-text.ts';

/** "holdfast" as a number, so that nobody else takes this lock by chance. */
const CREATE_LOCK = '7525750163857601396';
const TEXT = { type: 'text', isJson: false } as const;

export interface PostgresOptions {
  readonly name: string;
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** False from when a record knows the database: its tables are then looked for, and not made in another schema. */
  readonly create?: boolean | (() => boolean);
}

/** Opens a PostgreSQL database. Connects with the first call; safe to repeat. */
export function openPostgres(options: PostgresOptions): Promise<Database> {
  return Promise.resolve(new PostgresDatabase(options));
}

class PostgresDatabase implements Database {
  readonly dialect = 'postgres';
  readonly name: string;
  readonly filePath = undefined;
  readonly #sessions: PostgresSessions;
  readonly #shapes: SharedShapes = new Map();
  readonly #schemas = new KnownSchemas();
  readonly #mayCreate: () => boolean;
  #identityText: string | undefined;

  constructor(options: PostgresOptions) {
    const { create = true } = options;
    this.name = options.name;
    this.#mayCreate = typeof create === 'function' ? create : () => create;
    this.#sessions = new PostgresSessions(options);
  }

  async identity(): Promise<IdentityState> {
    const text = await this.#identityStatement();
    return this.#sessions.burst((session) => readIdentity(session, text));
  }

  async query(sql: string, params: readonly Json[], { signal, maxRows }: QueryOptions = {}): Promise<QueryResult> {
    if (controlsTransaction(sql))
      throw new HoldfastError(
        'sql-failed',
        `Database ${this.name}: ${cutStatement(sql)} is not a query. Expected a statement that reads.`,
        { database: this.name },
      );
    const parameters = params.map((value) => encodePostgres(value));
    return this.#sessions.transaction('read snapshot', async (session) => {
      const cancel = (): void => this.#sessions.cancel(session.processId);
      signal?.addEventListener('abort', cancel, { once: true });
      try {
        if (signal?.aborted) throw signal.reason;
        session.noteForeign(sql);
        const [found, locks] = await settleAll([
          runPostgresQuery(session, sql, parameters, maxRows),
          session.run(TABLES_READ),
        ]);
        return { rows: rowObjects(this.name, found!, asIs), tables: tablesRead(locks!.rows).map(formatTableName) };
      } catch (error) {
        if (!signal?.aborted) throw error;
        throw new HoldfastError(
          'cancelled',
          `Database ${this.name}: the query was cancelled: ${cutStatement(sql)}.`,
          { database: this.name },
          { cause: error },
        );
      } finally {
        signal?.removeEventListener('abort', cancel);
      }
    });
  }

  async schema(table: string, { mayLean = false }: SchemaOptions = {}): Promise<SchemaState> {
    const known = mayLean ? this.#schemas.get(table) : undefined;
    return known ?? (await this.#sessions.burst((session) => this.#schemas.read(session, table)));
  }

  locate({ id }: NonNullable<TableSchemaState['table']>): Promise<TablePlace | undefined> {
    return this.#sessions.burst((session) => locateTable(session, id));
  }

  async hiding(tables: readonly string[]): Promise<ReadonlySet<string>> {
    const quoted = tables.map((table) => quoteTable(parseTableName(table)));
    const hiding = await this.#sessions.burst((session) => hidingTables(session, quoted));
    return new Set(tables.filter((_table, index) => hiding.has(quoted[index]!)));
  }

  async rows(requests: readonly RowRequest[], options: RowsOptions = {}): Promise<readonly RowState[]> {
    if (requests.length === 0) return [];
    const requested = requestedColumns(requests);
    const known = options.mayLean === true ? knownShapes(this.#shapes, requested) : undefined;
    if (known !== undefined) {
      const expected = expectedRows(known, requests, options);
      if (expected !== undefined) return expected;
      try {
        return await this.#sessions.burst((session) => readPostgresRows(session, this.name, known, requests));
      } catch (error) {
        if (!isFailure(error) || !isAboutSchema(error)) throw error;
        this.#shapes.clear();
      }
    }
    return await this.#sessions.transaction('read snapshot', async (session) => {
      const shapes = new PostgresShapes(session, options.mayLean === true ? this.#shapes : new Map());
      return readPostgresRows(session, this.name, await shapes.get(requested), requests);
    });
  }

  reach(tables: readonly string[]): Promise<Reach> {
    return this.#sessions.burst((session) => readPostgresReach(session, tables.map(parseTableName)));
  }

  referring(request: ReferringRequest): Promise<readonly FoundRow[]> {
    return this.#sessions.transaction('read snapshot', (session) => referringRows(session, this.name, request));
  }

  async spelledKeys(keys: readonly Pick<RowRequest, 'table' | 'key'>[]): Promise<readonly JsonObject[]> {
    const known = knownShapes(
      this.#shapes,
      keys.map(({ table, key }) => [table, Object.keys(key)] as const),
    );
    if (known !== undefined && areAllCertain(known, keys)) return keys.map(({ key }) => key);
    return await this.#sessions.transaction('read snapshot', (session) => spelledKeys(session, keys));
  }

  async ensureHoldfastTables(): Promise<void> {
    if (await this.#sessions.burst((session) => this.#hasTables(session))) return;
    if (!this.#mayCreate()) await this.#refuseStrayTables();
    await this.#sessions.transaction('write latest', async (session) => {
      await session.run(`SELECT pg_advisory_xact_lock(${CREATE_LOCK})`);
      for (const table of HOLDFAST_TABLES) {
        if (await this.#hasTable(session, table)) continue;
        for (const statement of createHoldfastTable('postgres', table, holdfastMark())) await session.run(statement);
      }
    });
  }

  strayFenceTable(): Promise<TablePlace | undefined> {
    return this.#sessions.burst((session) => locateStray(session, 'holdfast_fence'));
  }

  async tokens(tokens: readonly string[]): Promise<ReadonlyMap<string, TokenState>> {
    const rows = await this.#ownRows('SELECT token, intent, "rows" FROM holdfast_token WHERE token = ANY($1::text[])', [
      encodePostgresArray(tokens, TEXT),
    ]);
    const states = new Map<string, TokenState>(tokens.map((token) => [token, ABSENT]));
    for (const [token, intent, digests] of rows)
      states.set(String(token), { kind: 'token', intent: String(intent), rows: String(digests) });
    return states;
  }

  async tokensOfJob(jobId: string): Promise<readonly string[]> {
    const rows = await this.#ownRows('SELECT token FROM holdfast_token WHERE job_id = $1 ORDER BY token COLLATE "C"', [
      jobId,
    ]);
    return rows.map(([token]) => String(token));
  }

  async fence(jobId: string): Promise<Fence | undefined> {
    const rows = await this.#ownRows('SELECT term, last_token FROM holdfast_fence WHERE job_id = $1', [jobId]);
    return rows[0] === undefined ? undefined : fenceOf(rows[0]);
  }

  async raiseFence(jobId: string, term: number): Promise<Fence> {
    const text = `INSERT INTO holdfast_fence (job_id, term) VALUES ($1, $2)
      ON CONFLICT (job_id) DO UPDATE SET term = greatest(holdfast_fence.term, excluded.term)
      RETURNING term, last_token`;
    const { rows } = await this.#sessions.transaction('write latest', (session) =>
      session.run(text, [jobId, String(term)]),
    );
    return fenceOf(rows[0]!);
  }

  async resetFence(jobId: string, fence: Fence): Promise<void> {
    const text = `INSERT INTO holdfast_fence (job_id, term, last_token) VALUES ($1, $2, $3)
      ON CONFLICT (job_id) DO UPDATE SET term = excluded.term, last_token = excluded.last_token`;
    await this.#sessions.transaction('write latest', (session) =>
      session.run(text, [jobId, String(fence.term), fence.lastToken]),
    );
  }

  async begin({ changes = [], ...options }: TransactionOptions): Promise<DatabaseTransaction> {
    const session = await this.#sessions.leaseForTransaction(options);
    const shapes = new PostgresShapes(session, this.#shapes, this.#schemas);
    return new PostgresTransaction({
      database: this.name,
      session,
      shapes,
      changes,
      readIdentity: async (from) => readIdentity(from, await this.#identityStatement()),
    });
  }

  close(): Promise<void> {
    return this.#sessions.end();
  }

  /** Rows of Holdfast's own tables; none where the tables are not there. */
  async #ownRows(text: string, parameters: readonly string[]): Promise<PostgresRows['rows']> {
    try {
      return (await this.#sessions.burst((session) => session.run(text, parameters))).rows;
    } catch (error) {
      if (isFailure(error, 'unknown-table')) return [];
      throw error;
    }
  }

  async #refuseStrayTables(): Promise<void> {
    const stray = await this.strayFenceTable();
    if (stray === undefined) return;
    const problem = `Database ${this.name}: ${strayTableText(stray)}.`;
    throw new HoldfastError('unknown-table', problem, { database: this.name });
  }

  async #hasTables(session: PostgresSession): Promise<boolean> {
    const found = await settleAll(HOLDFAST_TABLES.map((table) => this.#hasTable(session, table)));
    return found.every((isThere) => isThere);
  }

  async #hasTable(session: PostgresSession, table: HoldfastTable): Promise<boolean> {
    const { state, comment } = await readPostgresSchema(session, { schema: undefined, name: table });
    return hasHoldfastTable(this.name, table, state, comment);
  }

  /** The statement by which this role may read the server's identity; found out once. */
  async #identityStatement(): Promise<string> {
    if (this.#identityText !== undefined) return this.#identityText;
    try {
      await this.#sessions.burst((session) => session.run(SERVER_IDENTITY));
      this.#identityText = SERVER_IDENTITY;
    } catch (error) {
      // Managed servers withhold these functions from their users, or have none.
      if (!isFailure(error, 'permission-denied', 'sql-failed') || error.details['sqlState'] === undefined) throw error;
      this.#identityText = DATABASE_IDENTITY;
    }
    return this.#identityText;
  }
}

function fenceOf([term, lastToken]: readonly Json[]): Fence {
  return { term: Number(term), lastToken: lastToken === null ? null : String(lastToken) };
}
