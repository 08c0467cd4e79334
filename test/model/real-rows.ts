/** The databases that the real code is walked with: one table, one row. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { ABSENT, DATABASES, type Database, type Value } from './state.ts';

/** A process that is at work may be just about to let go of a file. */
const BUSY_MS = 1_000;

/** The databases of a walk: SQLite files, or PostgreSQL. */
export interface Rows {
  /** Of a job's settings: reference, and what it leads to. */
  readonly urls: Readonly<Record<Database, string>>;
  read(db: Database): Promise<Value>;
  write(db: Database, value: Value): Promise<void> | void;
  close(): Promise<void> | void;
}

type Urls = Rows['urls'];

const TABLE = 'CREATE TABLE t (id INTEGER PRIMARY KEY, value TEXT)';

export function sqliteRows(): Rows {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-model-rows-'));
  const rows = sqliteRowsAt({ d1: `sqlite:${join(folder, 'd1.db')}`, d2: `sqlite:${join(folder, 'd2.db')}` }, true);
  const close = (): void => {
    void rows.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { ...rows, close };
}

export async function postgresRows([d1, d2]: readonly [string, string]): Promise<Rows> {
  return await postgresRowsAt({ d1, d2 }, true);
}

/** Those that are there, for another process. */
export async function rowsAt(urls: Urls): Promise<Rows> {
  return urls.d1.startsWith('sqlite:') ? sqliteRowsAt(urls) : await postgresRowsAt(urls);
}

function sqliteRowsAt(urls: Urls, isNew = false): Rows {
  const databases = new Map<Database, DatabaseSync>();
  for (const db of DATABASES) {
    const database = new DatabaseSync(urls[db].slice('sqlite:'.length), { timeout: BUSY_MS });
    if (isNew) database.exec(`PRAGMA journal_mode = WAL; ${TABLE}`);
    databases.set(db, database);
  }
  return {
    urls,
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
    },
  };
}

/** The same on PostgreSQL. */
async function postgresRowsAt(urls: Urls, isNew = false): Promise<Rows> {
  const clients = new Map<Database, pg.Client>();
  for (const db of DATABASES) {
    const client = new pg.Client({ connectionString: urls[db] });
    await client.connect();
    if (isNew) await client.query(TABLE);
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
