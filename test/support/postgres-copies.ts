/** The copies of databases that crash tests have on a server. */
import pg from 'pg';

/** Their names. @param adminUrl of any other database of the server */
export async function postgresCopies(adminUrl: string): Promise<readonly string[]> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ datname: string }>(
      `SELECT datname FROM pg_database WHERE datname LIKE 'holdfast\\_crash\\_%'`,
    );
    return rows.map(({ datname }) => datname);
  } finally {
    await client.end();
  }
}
