/** What an outsider does with a job's database: triggers that count each write, edits, and a look at everything. */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';

export type Rows = readonly Readonly<Record<string, unknown>>[];

const AUDITED = ['item', 'tally'] as const;

/** Runs statements as a stranger with a connection of its own. `url`: `sqlite:/absolute/path` or `postgres://…`. */
export async function changeRows(url: string, statements: readonly string[]): Promise<void> {
  if (url.startsWith('sqlite:')) {
    const database = new DatabaseSync(url.slice('sqlite:'.length));
    try {
      database.exec(['PRAGMA busy_timeout = 5000', 'BEGIN IMMEDIATE', ...statements, 'COMMIT'].join('; '));
    } finally {
      database.close();
    }
    return;
  }
  await withClient(url, async (client) => {
    await client.query(['BEGIN', ...statements, 'COMMIT'].join('; '));
  });
}

/** From here on each write of a row is noted by the database itself. */
export async function installAudit(url: string): Promise<void> {
  const operations = ['INSERT', 'UPDATE', 'DELETE'] as const;
  const row = (operation: string): string => (operation === 'DELETE' ? 'OLD' : 'NEW');
  if (url.startsWith('sqlite:')) {
    const triggers = AUDITED.flatMap((table) =>
      operations.map(
        (operation) =>
          `CREATE TRIGGER audit_${table}_${operation} AFTER ${operation} ON ${table} BEGIN INSERT INTO ` +
          `audit (what) VALUES ('${operation} ${table} ' || ${row(operation)}.id); END`,
      ),
    );
    return await changeRows(url, [
      'CREATE TABLE audit (n INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL)',
      ...triggers,
    ]);
  }
  const triggers = AUDITED.flatMap((table) =>
    operations.map(
      (operation) =>
        `CREATE TRIGGER audit_${table}_${operation.toLowerCase()} AFTER ${operation} ON ${table} FOR ` +
        'EACH ROW EXECUTE FUNCTION audit_it()',
    ),
  );
  await changeRows(url, [
    'CREATE TABLE audit (n BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what TEXT NOT NULL)',
    'CREATE FUNCTION audit_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit (what) ' +
      "VALUES (TG_OP || ' ' || TG_TABLE_NAME || ' ' || CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id " +
      'END); RETURN NULL; END $$',
    ...triggers,
  ]);
}

/** Every row of the job's tables, what the triggers counted, and how many token rows there are. */
export async function lookAtDatabase(url: string): Promise<Readonly<Record<string, Rows>>> {
  const queries = {
    item: 'SELECT * FROM item ORDER BY id',
    tally: 'SELECT * FROM tally ORDER BY id',
    writes: 'SELECT what, CAST(count(*) AS INTEGER) AS times FROM audit GROUP BY what ORDER BY what',
    tokens: 'SELECT CAST(count(*) AS INTEGER) AS times FROM holdfast_token',
  };
  return await readRows(url, queries);
}

/** What queries find, by name; nothing where the database's file is not there. */
export async function readRows(
  url: string,
  queries: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, Rows>>> {
  if (url.startsWith('sqlite:')) {
    const path = url.slice('sqlite:'.length);
    if (!existsSync(path)) return {};
    const database = new DatabaseSync(path, { readOnly: true });
    try {
      return Object.fromEntries(
        Object.entries(queries).map(([name, sql]) => [
          name,
          database
            .prepare(sql)
            .all()
            .map((row) => ({ ...row })),
        ]),
      );
    } finally {
      database.close();
    }
  }
  return await withClient(url, async (client) => {
    const found: Record<string, Rows> = {};
    for (const [name, sql] of Object.entries(queries))
      found[name] = (await client.query<Record<string, unknown>>(sql)).rows;
    return found;
  });
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
