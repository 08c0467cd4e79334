/** The databases that the real code is walked with: one table, one row. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { ABSENT, DATABASES, type Database, type Value } from './state.ts';

/** The databases of a walk: SQLite files, or PostgreSQL. */
export interface Rows {
  /** Of a job's settings: reference, and what it leads to. */
  readonly urls: Readonly<Record<Database, string>>;
  read(db: Database): Promise<Value>;
  write(db: Database, value: Value): Promise<void> | void;
  close(): Promise<void> | void;
}

export function sqliteRows(): Rows {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-model-rows-'));
  const databases = new Map<Database, DatabaseSync>();
  for (const db of DATABASES) {
    const database = new DatabaseSync(join(folder, `${db}.db`));
    database.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, value TEXT)');
    databases.set(db, database);
  }
  return {
    urls: { d1: `sqlite:${join(folder, 'd1.db')}`, d2: `sqlite:${join(folder, 'd2.db')}` },
    read: async (db) => {
      const row = databases.get(db)!.prepare('SELECT value FROM t WHERE id = 1').get();
      return await Promise.resolve((row?.['value'] as Value | undefined) ?? ABSENT);
    },
    write: (db, value) => {
      const database = databases.get(db)!;
      if (value === ABSENT) database.exec('DELETE FROM t');
      else database.prepare('INSERT INTO t VALUES (1, ?) ON CONFLICT DO UPDATE SET value = excluded.value').run(value);
    },
    close: () => {
      for (const database of databases.values()) database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The same on PostgreSQL. */
export async function postgresRows([d1, d2]: readonly [string, string]): Promise<Rows> {
  const urls = { d1, d2 };
  const clients = new Map<Database, pg.Client>();
  for (const db of DATABASES) {
    const client = new pg.Client({ connectionString: urls[db] });
    await client.connect();
    await client.query('CREATE TABLE t (id INTEGER PRIMARY KEY, value TEXT)');
    clients.set(db, client);
  }
  return {
    urls,
    read: async (db) => {
      const { rows } = await clients.get(db)!.query<{ value: Value }>('SELECT value FROM t WHERE id = 1');
      return rows[0]?.value ?? ABSENT;
    },
    write: (db, value) => editSynchronously(urls[db], value),
    close: async () => {
      for (const client of clients.values()) await client.end();
    },
  };
}

/** At a fault point nothing is awaited. */
function editSynchronously(url: string, value: Value): void {
  const statement =
    value === ABSENT
      ? 'DELETE FROM t'
      : `INSERT INTO t VALUES (1, '${value}') ON CONFLICT (id) DO UPDATE SET value = excluded.value`;
  const code = `import pg from 'pg'; const client = new pg.Client({ connectionString: process.argv[1] });
    await client.connect(); await client.query(process.argv[2]); await client.end();`;
  execFileSync(process.execPath, ['--input-type=module', '-e', code, url, statement], { cwd: import.meta.dirname });
}
