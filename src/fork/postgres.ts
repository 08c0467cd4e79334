/**
 * A copy of a PostgreSQL database, made by its server from the database itself as a template.
 *
 * Invariants
 * 1. No database that is there is changed or dropped.
 * 2. No message has a password.
 */
import pg from 'pg';
import { postgresFailure } from '../effects/database/postgres/failure.ts';
import { HoldfastError } from '../model/failure.ts';
import { redactUrl } from '../model/shown-url.ts';

const OWN_TABLES: readonly string[] = ['holdfast_token', 'holdfast_fence'];
const IN_USE = '55006';
const THERE_ALREADY = '42P04';
const DENIED = '42501';

/** @throws HoldfastError `busy`: somebody is connected; `bad-input`, `permission-denied`, `storage-unreachable` */
export async function copyPostgres(name: string, from: string, to: string): Promise<void> {
  const [source, target] = [databaseIn(from), databaseIn(to)];
  if (serverOf(from) !== serverOf(to))
    throw new HoldfastError(
      'bad-input',
      `Database "${name}": a server makes a copy of a database of its own only, and ${redactUrl(to)} is on another ` +
        `server than ${redactUrl(from)}.`,
      { name, nextStep: 'Name a database of the same server that is not there yet.' },
    );
  await asAdministrator(name, to, async (client) => {
    try {
      await client.query(`CREATE DATABASE ${quoted(target)} TEMPLATE ${quoted(source)}`);
    } catch (error) {
      throw await whyNotMade(client, error, { name, source, target });
    }
  });
}

/** One that `copyPostgres` has made. */
export async function dropPostgres(name: string, url: string): Promise<void> {
  await asAdministrator(name, url, (client) => client.query(`DROP DATABASE IF EXISTS ${quoted(databaseIn(url))}`));
}

/** Of one that is given up before anything else was in it. */
export async function dropHoldfastTables(name: string, url: string): Promise<void> {
  await connected(name, url, (client) => client.query(`DROP TABLE IF EXISTS ${OWN_TABLES.join(', ')}`));
}

/**
 * Undefined: there is no such database. @returns how many tables it has. Holdfast's own ones count where something is
 * in them: a maker that was killed may have left them.
 */
export async function tablesIn(name: string, url: string): Promise<number | undefined> {
  const there = await asAdministrator(name, url, (client) =>
    client.query('SELECT 1 FROM pg_database WHERE datname = $1', [databaseIn(url)]),
  );
  if (there.rowCount === 0) return undefined;
  return await connected(name, url, async (client) => {
    const { rows } = await client.query<{ schema: string; table: string }>(
      'SELECT n.nspname AS schema, c.relname AS table FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace ' +
        "WHERE c.relkind IN ('r', 'p', 'v', 'm') " +
        "AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%'",
    );
    const others = rows.filter(({ table }) => !OWN_TABLES.includes(table));
    if (others.length > 0) return rows.length;
    for (const { schema, table } of rows) {
      const { rowCount } = await client.query(`SELECT 1 FROM ${quoted(schema)}.${quoted(table)} LIMIT 1`);
      if (rowCount !== 0) return rows.length;
    }
    return 0;
  });
}

async function whyNotMade(
  client: pg.Client,
  error: unknown,
  { name, source, target }: { readonly name: string; readonly source: string; readonly target: string },
): Promise<HoldfastError> {
  const code = error instanceof pg.DatabaseError ? error.code : undefined;
  if (code === IN_USE) {
    const { rows } = await client.query<{ application_name: string; usename: string }>(
      'SELECT application_name, usename FROM pg_stat_activity WHERE datname = $1 LIMIT 10',
      [source],
    );
    const who = rows.map((row) => `${row.application_name || 'somebody'} (${row.usename})`).join(', ');
    return new HoldfastError(
      'busy',
      `Database "${name}": PostgreSQL copies a database only while nobody is connected to it, and ${source} has ` +
        `${rows.length} connections: ${who}. Nothing was made.`,
      {
        name,
        nextStep: 'Stop the workers and programs that use it, fork, and start them again.',
      },
      { cause: error },
    );
  }
  if (code === THERE_ALREADY)
    return new HoldfastError('bad-input', `Database "${name}": there is a database ${target} already.`, { name });
  if (code === DENIED)
    return new HoldfastError(
      'permission-denied',
      `Database "${name}": the role may not make a copy of ${source}. It needs CREATEDB, and must own ` +
        `${source} or be a superuser.`,
      { name },
      { cause: error },
    );
  return postgresFailure(error, { database: name });
}

/** Connected to a database of the server that is not the one in question. */
async function asAdministrator<T>(name: string, url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  return await connected(name, inDatabase(url, 'postgres'), use);
}

async function connected<T>(name: string, url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'holdfast fork' });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await use(client);
  } catch (error) {
    throw postgresFailure(error, { database: name });
  } finally {
    await client.end().catch(() => undefined);
  }
}

function databaseIn(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1));
}

function inDatabase(url: string, database: string): string {
  const other = new URL(url);
  other.pathname = `/${encodeURIComponent(database)}`;
  return other.href;
}

function serverOf(url: string): string {
  const { hostname, port, searchParams } = new URL(url);
  return `${searchParams.get('host') ?? hostname}:${searchParams.get('port') ?? (port || '5432')}`;
}

function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}
