/** Copies of PostgreSQL databases, one for each run of a crash test. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import * as z from 'zod';
import { HoldfastError } from '../model/failure.ts';

/** Without what its URL has of a user. */
export const PostgresCopySchema = z.strictObject({
  database: z.string().regex(/^holdfast_crash_[0-9a-f]+$/),
  /** `host:port`. */
  server: z.string(),
});
export type PostgresCopy = Readonly<z.infer<typeof PostgresCopySchema>>;

interface Original {
  /** The environment variable that holds its URL. */
  readonly name: string;
  readonly url: string;
}

/** @param keep told of the copy before it is made; what it returns is called once it has been dropped */
export async function copyPostgres({ name, url }: Original, keep: (copy: PostgresCopy) => () => void) {
  const source = new URL(url);
  const template = decodeURIComponent(source.pathname.slice(1));
  const database = `holdfast_crash_${randomBytes(6).toString('hex')}`;
  const forget = keep({ database, server: serverOf(url) });
  try {
    await query(besides(url), `CREATE DATABASE "${database}" TEMPLATE "${template.replaceAll('"', '""')}"`);
  } catch (cause) {
    forget();
    throw new HoldfastError(
      'bad-input',
      `The database that ${name} names can't be copied: ${(cause as Error).message}.`,
      { name, nextStep: 'End other connections to it; its user must be allowed to create databases.' },
      { cause },
    );
  }
  source.pathname = `/${database}`;
  const remove = async (): Promise<void> => {
    await query(besides(url), dropping(database));
    forget();
  };
  return { name, url: source.href, remove };
}

/** Drops one that an earlier test left. @returns false: none of these URLs leads to its server */
export async function dropPostgres({ database, server }: PostgresCopy, urls: readonly string[]): Promise<boolean> {
  const url = urls.find((one) => serverOf(one) === server);
  if (url === undefined) return false;
  return await query(besides(url), dropping(database)).then(
    () => true,
    () => false,
  );
}

export function isPostgres(url: string): boolean {
  return /^postgres(ql)?:/.test(url);
}

function serverOf(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port === '' ? '5432' : port}`;
}

function dropping(database: string): string {
  return `DROP DATABASE IF EXISTS "${database}" WITH (FORCE)`;
}

/** A database of the same server: to one that is copied nobody may be connected. */
function besides(url: string): string {
  const server = new URL(url);
  server.pathname = server.pathname === '/postgres' ? '/template1' : '/postgres';
  return server.href;
}

/** As text, what PostgreSQL makes of them: numbers of any length stay what they are. */
const TABLES = `SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) AS place, table_name AS name,
    table_schema AS schema
  FROM information_schema.tables WHERE table_type = 'BASE TABLE'
  AND table_schema NOT IN ('pg_catalog', 'information_schema') AND table_name NOT LIKE 'holdfast\\_%'`;

/** A number that a sequence gives is used up also by what is taken back, so that it says nothing. */
const NUMBERED = `SELECT column_name AS name FROM information_schema.columns
  WHERE table_schema = $1 AND table_name = $2 AND (is_identity = 'YES' OR column_default LIKE 'nextval(%')`;

/** Table → its rows as JSON, without the columns that a sequence numbers. */
export async function rowsOfPostgres(url: string): Promise<Readonly<Record<string, readonly string[]>>> {
  const tables: Record<string, readonly string[]> = {};
  for (const { place, name, schema } of await query(url, TABLES)) {
    const numbered = (await query(url, NUMBERED, [schema, name])).map((column) => String(column['name']));
    const rows = await query(url, `SELECT (to_jsonb(t) - $1::text[])::text AS row FROM ${String(place)} t`, [numbered]);
    tables[schema === 'public' ? String(name) : `${String(schema)}.${String(name)}`] = rows.map(({ row }) =>
      String(row),
    );
  }
  return tables;
}

async function query(url: string, sql: string, values: readonly unknown[] = []) {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql, [...values])).rows;
  } finally {
    await client.end();
  }
}
