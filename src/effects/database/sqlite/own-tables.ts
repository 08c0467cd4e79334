/** Holdfast's own tables in a SQLite file: which are there, and what they hold. */
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { ABSENT, type IdentityState, type TokenState } from '../../../model/record/world.ts';
import type { Entry, Fence, TakenToken } from '../database.ts';
import {
  createHoldfastTable,
  hasHoldfastTable,
  holdfastMark,
  readHoldfastMark,
  UNMARKED,
  type HoldfastTable,
} from '../holdfast-tables.ts';
import { HOLDFAST_TABLES } from '../table-name.ts';
import type { SqliteConnection } from './connection.ts';
import { readSqliteSchema } from './schema.ts';

/** @throws HoldfastError `sql-failed` with `details.foreign` if it is another table of that name */
export function hasTable(connection: SqliteConnection, database: string, table: HoldfastTable): boolean {
  const name = { schema: 'main', name: table };
  if (connection.shape(name) === undefined) return false;
  return hasHoldfastTable(database, table, readSqliteSchema(connection, name), createText(connection, table));
}

export function hasAllTables(connection: SqliteConnection, database: string): boolean {
  return HOLDFAST_TABLES.every((table) => hasTable(connection, database, table));
}

/** Safe to repeat. Call it inside a transaction. */
export function createMissingTables(connection: SqliteConnection, database: string): void {
  const mark = holdfastMark(databaseId(connection) ?? randomUUID());
  for (const table of HOLDFAST_TABLES) {
    if (hasTable(connection, database, table)) continue;
    for (const statement of createHoldfastTable('sqlite', table, mark)) connection.run(statement);
  }
}

export function readIdentity(connection: SqliteConnection, filePath: string): IdentityState {
  return {
    kind: 'identity',
    system: databaseId(connection) ?? UNMARKED,
    timeline: '1',
    name: path.basename(filePath),
  };
}

/** The state of each of these tokens; `absent` where it has no row. */
export function readTokens(connection: SqliteConnection, tokens: readonly string[]): Map<string, TokenState> {
  const states = new Map<string, TokenState>(tokens.map((token) => [token, ABSENT]));
  const rows = connection.all(
    'SELECT token, intent, "rows" FROM main.holdfast_token WHERE token IN (SELECT value FROM json_each(?))',
    [JSON.stringify(tokens)],
  );
  for (const [token, intent, digests] of rows)
    states.set(String(token), { kind: 'token', intent: String(intent), rows: String(digests) });
  return states;
}

export function readTokensOfJob(connection: SqliteConnection, jobId: string): readonly string[] {
  const rows = connection.all('SELECT token FROM main.holdfast_token WHERE job_id = ? ORDER BY token', [jobId]);
  return rows.map(([token]) => String(token));
}

export function readFence(connection: SqliteConnection, jobId: string): Fence | undefined {
  const row = connection.all('SELECT term, last_token FROM main.holdfast_fence WHERE job_id = ?', [jobId])[0];
  return row && { term: Number(row[0]), lastToken: row[1] === null ? null : String(row[1]) };
}

/** Sets the term where it is lower. */
export function raiseFence(connection: SqliteConnection, jobId: string, term: number): Fence {
  connection.run(
    `INSERT INTO main.holdfast_fence (job_id, term) VALUES (?, ?)
     ON CONFLICT (job_id) DO UPDATE SET term = excluded.term WHERE term < excluded.term`,
    [jobId, term],
  );
  return readFence(connection, jobId)!;
}

export function putFence(connection: SqliteConnection, jobId: string, { term, lastToken }: Fence): void {
  connection.run(
    `INSERT INTO main.holdfast_fence (job_id, term, last_token) VALUES (?, ?, ?)
     ON CONFLICT (job_id) DO UPDATE SET term = excluded.term, last_token = excluded.last_token`,
    [jobId, term, lastToken],
  );
}

/** Checks the term and notes the token. Call it inside a transaction, as those below. */
export function passFence(
  connection: SqliteConnection,
  { jobId, term, token }: Pick<Entry, 'jobId' | 'term' | 'token'>,
): boolean {
  const text = 'UPDATE main.holdfast_fence SET last_token = ? WHERE job_id = ? AND term = ?';
  return connection.run(text, [token, jobId, term]) === 1;
}

/** Inserts the token row, or says what the one that is there holds. */
export function takeToken(
  connection: SqliteConnection,
  { token, jobId, intent }: Pick<Entry, 'token' | 'jobId' | 'intent'>,
): TakenToken {
  const taken = connection.run(
    'INSERT INTO main.holdfast_token (token, job_id, intent) VALUES (?, ?, ?) ON CONFLICT (token) DO NOTHING',
    [token, jobId, intent],
  );
  if (taken === 1) return { outcome: 'taken' };
  const row = connection.all('SELECT intent, "rows" FROM main.holdfast_token WHERE token = ?', [token])[0]!;
  return { outcome: 'there', state: { kind: 'token', intent: String(row[0]), rows: String(row[1]) } };
}

/** False: the token row is not there. */
export function noteRows(connection: SqliteConnection, token: string, rows: string): boolean {
  return connection.run('UPDATE main.holdfast_token SET "rows" = ? WHERE token = ?', [rows, token]) === 1;
}

/** The identifier in the mark of the token table: it goes with the file through copies and backups. */
function databaseId(connection: SqliteConnection): string | undefined {
  return readHoldfastMark(createText(connection, 'holdfast_token'))?.databaseId;
}

function createText(connection: SqliteConnection, table: HoldfastTable): string {
  const rows = connection.all("SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?", [table]);
  return String(rows[0]?.[0] ?? '');
}
