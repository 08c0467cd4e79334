/**
 * The office's database, in SQLite or PostgreSQL: two tables that were there before the job, and an auditor. The
 * auditor is a trigger on each table that writes down every insert, update and delete: the database itself counts, not
 * the job.
 */
import { randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';

const TABLES = { weather: 'day', figure: 'id' } as const;

const CREATE = [
  `CREATE TABLE weather (day TEXT PRIMARY KEY, precipitation DOUBLE PRECISION NOT NULL,
    warmest DOUBLE PRECISION NOT NULL, coldest DOUBLE PRECISION NOT NULL, wind DOUBLE PRECISION NOT NULL,
    weather TEXT NOT NULL)`,
  'CREATE TABLE figure (id TEXT PRIMARY KEY, path TEXT NOT NULL, sha256 TEXT NOT NULL)',
  'CREATE TABLE audit (action TEXT NOT NULL, source TEXT NOT NULL, row_key TEXT NOT NULL)',
];

const SQLITE_AUDITOR = Object.entries(TABLES).flatMap(([table, key]) =>
  (['INSERT', 'UPDATE', 'DELETE'] as const).map((action) => {
    const what = action.toLowerCase();
    const row = action === 'DELETE' ? 'OLD' : 'NEW';
    return `CREATE TRIGGER audit_${table}_${what} AFTER ${action} ON ${table}
     BEGIN INSERT INTO audit VALUES ('${what}', '${table}', ${row}.${key}); END`;
  }),
);

const POSTGRES_AUDITOR = [
  `CREATE FUNCTION audit_row() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN
     INSERT INTO audit VALUES (lower(TG_OP), TG_TABLE_NAME,
       CASE TG_OP WHEN 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END ->> TG_ARGV[0]);
     RETURN NULL; END $body$`,
  ...Object.entries(TABLES).map(
    ([table, key]) =>
      `CREATE TRIGGER audit_${table} AFTER INSERT OR UPDATE OR DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION ` +
      `audit_row('${key}')`,
  ),
];

/** What the database's own trigger has seen of one table. */
export interface Audited {
  readonly source: string;
  readonly action: string;
  /** How many rows. */
  readonly rows: number;
  /** How often the row that had it most often had it. */
  readonly most: number;
}

export interface Office {
  readonly dialect: 'SQLite' | 'PostgreSQL';
  /** What the job's worker is given. */
  readonly url: string;
  /** For people: without a password. */
  readonly label: string;
  /** Plain SQL, by somebody who doesn't know of the job. */
  run(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  audited(): Promise<readonly Audited[]>;
  /** Drops what was made. Safe to repeat. */
  remove(): Promise<void>;
}

/** `serverUrl`: of a PostgreSQL where a database can be made; left out: a SQLite file. */
export async function openOffice(file: string, serverUrl?: string): Promise<Office> {
  const office = serverUrl === undefined ? sqliteOffice(file) : await postgresOffice(serverUrl);
  for (const statement of [...CREATE, ...(office.dialect === 'SQLite' ? SQLITE_AUDITOR : POSTGRES_AUDITOR)])
    await office.run(statement);
  return office;
}

const AUDITED = `SELECT source, action, count(*) AS rows, max(times) AS most
  FROM (SELECT source, action, row_key, count(*) AS times FROM audit GROUP BY source, action, row_key) counted
  GROUP BY source, action ORDER BY source, action`;

async function auditedOf(run: Office['run']): Promise<readonly Audited[]> {
  const rows = await run(AUDITED);
  return rows.map(({ source, action, rows: count, most }) => ({
    source: String(source),
    action: String(action),
    rows: Number(count),
    most: Number(most),
  }));
}

function sqliteOffice(file: string): Office {
  const run: Office['run'] = async (sql) => {
    // Opened for one statement: the office doesn't stay in the job's way.
    const database = new DatabaseSync(file, { timeout: 5_000 });
    try {
      return await Promise.resolve(database.prepare(sql).all());
    } finally {
      database.close();
    }
  };
  return {
    dialect: 'SQLite',
    url: `sqlite:${file}`,
    label: file,
    run,
    audited: () => auditedOf(run),
    remove: () => Promise.resolve(),
  };
}

async function postgresOffice(serverUrl: string): Promise<Office> {
  const name = `holdfast_demo_${randomBytes(4).toString('hex')}`;
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await query(serverUrl, `CREATE DATABASE ${name}`);
  const run: Office['run'] = (sql) => query(url.href, sql);
  return {
    dialect: 'PostgreSQL',
    url: url.href,
    label: `database ${name} on ${url.host}`,
    run,
    audited: () => auditedOf(run),
    remove: async () => void (await query(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
  };
}

async function query(url: string, sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 5_000,
    application_name: 'holdfast-demo-office',
  });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return rows;
  } finally {
    await client.end();
  }
}
