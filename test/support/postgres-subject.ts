/** Databases of a PostgreSQL for tests of `Database`, and ways to reach them past the code under test. */
import { test } from 'node:test';
import pg from 'pg';
import type { Database } from '../../src/effects/database/database.ts';
import { openPostgres } from '../../src/effects/database/postgres/database.ts';
import type { Subject } from './database-subject.ts';
import type { TestPostgres } from './postgres.ts';

export function open(url: string): Promise<Database> {
  return openPostgres({ name: 'main', url, applicationName: 'holdfast test' });
}

export async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Runs statements as somebody else, each committed at once. */
export async function direct(url: string, ...statements: readonly string[]): Promise<pg.QueryResult[]> {
  const client = await connect(url);
  try {
    const results: pg.QueryResult[] = [];
    for (const statement of statements) results.push(await client.query(statement));
    return results;
  } finally {
    await client.end();
  }
}

/** One empty database for one test. `prepare`: statements that are run in it first. */
export async function postgresSubject(postgres: TestPostgres, prepare: readonly string[] = []): Promise<Subject> {
  const url = await postgres.database();
  const subject: Subject = {
    url,
    open: () => open(url),
    direct: async (...statements) => void (await direct(url, ...statements)),
    async hold() {
      const client = await connect(url);
      await client.query('BEGIN');
      await client.query("UPDATE item SET label = 'theirs' WHERE id = 1");
      return async () => {
        await client.query('ROLLBACK');
        await client.end();
      };
    },
    async backUp() {
      const copy = await postgres.database(url);
      const [name, copyName] = [url, copy].map((each) => new URL(each).pathname.slice(1));
      return async () =>
        void (await direct(
          postgres.adminUrl,
          `DROP DATABASE "${name}" WITH (FORCE)`,
          `CREATE DATABASE "${name}" TEMPLATE "${copyName}"`,
        ));
    },
  };
  await subject.direct(...prepare);
  return subject;
}

/** Tests of the file, each with one database, prepared and open. */
export function postgresCheck(
  postgres: TestPostgres,
): (name: string, prepare: readonly string[], body: (subject: Subject, database: Database) => Promise<void>) => void {
  return (name, prepare, body) =>
    void test(`postgres: ${name}`, async () => {
      const subject = await postgresSubject(postgres, prepare);
      const database = await subject.open();
      try {
        await body(subject, database);
      } finally {
        await database.close();
      }
    });
}
