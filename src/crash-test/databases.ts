/** Databases of a crash test: a copy for each run, and its rows. */
import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { HoldfastError } from '../model/failure.ts';

/** Table → its rows as text. */
export type Tables = Readonly<Record<string, readonly string[]>>;

export interface CopiedDatabase {
  /** The environment variable that holds its URL. */
  readonly name: string;
  readonly url: string;
  /** Drops the copy, where it isn't a file of the run's folder. */
  readonly remove: () => Promise<void>;
}

interface Original {
  readonly name: string;
  readonly url: string;
  /** The run's. */
  readonly folder: string;
}

/** @throws HoldfastError `bad-input` for what can't be copied */
export async function copyDatabase(original: Original): Promise<CopiedDatabase> {
  return original.url.startsWith('sqlite:') ? copySqlite(original) : await copyPostgres(original);
}

function copySqlite({ name, url, folder }: Original): CopiedDatabase {
  const file = url.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '');
  const remove = async (): Promise<void> => await Promise.resolve();
  // One of the workspace has come along with it.
  if (!path.isAbsolute(file)) return { name, url, remove };
  const copy = path.join(folder, 'databases', `${name}.db`);
  mkdirSync(path.dirname(copy), { recursive: true });
  if (existsSync(file)) {
    // What lies in its journal comes along.
    const database = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
    try {
      database.prepare('VACUUM INTO ?').run(copy);
    } catch {
      copyFileSync(file, copy);
    } finally {
      database.close();
    }
  }
  return { name, url: `sqlite:${copy}`, remove };
}

async function copyPostgres({ name, url }: Original): Promise<CopiedDatabase> {
  const source = new URL(url);
  const template = decodeURIComponent(source.pathname.slice(1));
  const made = `holdfast_crash_${randomBytes(6).toString('hex')}`;
  const server = new URL(url);
  server.pathname = '/postgres';
  try {
    await query(server.href, `CREATE DATABASE "${made}" TEMPLATE "${template.replaceAll('"', '""')}"`);
  } catch (cause) {
    throw new HoldfastError(
      'bad-input',
      `The database that ${name} names can't be copied: ${(cause as Error).message}.`,
      { name, nextStep: 'End other connections to it; its user must be allowed to create databases.' },
      { cause },
    );
  }
  source.pathname = `/${made}`;
  const remove = async (): Promise<void> =>
    void (await query(server.href, `DROP DATABASE IF EXISTS "${made}" WITH (FORCE)`));
  return { name, url: source.href, remove };
}

/** The user's tables alone. */
export async function lookAtDatabase(url: string): Promise<Tables> {
  return url.startsWith('sqlite:') ? lookAtSqlite(url.slice('sqlite:'.length)) : await lookAtPostgres(url);
}

function lookAtSqlite(file: string): Tables {
  if (!existsSync(file)) return {};
  const database = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
  try {
    const names = database
      .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
      .all()
      .map(({ name }) => String(name))
      .filter((name) => !name.startsWith('holdfast_'));
    return Object.fromEntries(
      names.map((name) => {
        const statement = database.prepare(`SELECT * FROM "${name.replaceAll('"', '""')}"`);
        statement.setReadBigInts(true);
        return [name, statement.all().map(rowText)];
      }),
    );
  } finally {
    database.close();
  }
}

const POSTGRES_TABLES = `SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) AS place, table_name AS name
  FROM information_schema.tables WHERE table_type = 'BASE TABLE'
  AND table_schema NOT IN ('pg_catalog', 'information_schema') AND table_name NOT LIKE 'holdfast\\_%'`;

async function lookAtPostgres(url: string): Promise<Tables> {
  const tables: Record<string, readonly string[]> = {};
  for (const { place, name } of await query(url, POSTGRES_TABLES))
    tables[String(name)] = (await query(url, `SELECT to_jsonb(t) AS row FROM ${String(place)} t`)).map(({ row }) =>
      rowText(row as Record<string, unknown>),
    );
  return tables;
}

function rowText(row: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(row, (_key, value: unknown) => {
    if (typeof value === 'bigint') return String(value);
    return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
  });
}

async function query(url: string, sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
