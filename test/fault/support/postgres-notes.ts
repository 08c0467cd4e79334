/** The table `note` in PostgreSQL, whose inserts the database counts by itself. */
import pg from 'pg';

export const AUDITED_NOTES = `
  CREATE TABLE note (id integer PRIMARY KEY, text text NOT NULL);
  CREATE TABLE audit (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id integer NOT NULL, text text NOT NULL);
  CREATE FUNCTION count_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO audit (id, text) VALUES (NEW.id, NEW.text); RETURN NEW; END $$;
  CREATE TRIGGER count_note AFTER INSERT ON note FOR EACH ROW EXECUTE FUNCTION count_note()`;

/** As a stranger, with a connection of its own. @returns the rows of the last statement */
export async function sql(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const results = [await client.query<Record<string, unknown>>(text)].flat();
    return results.at(-1)!.rows;
  } finally {
    await client.end();
  }
}

/** What was ever inserted and committed under a key. */
export async function insertsOf(url: string, id: number): Promise<readonly unknown[]> {
  const rows = await sql(url, `SELECT text FROM audit WHERE id = ${id} ORDER BY n`);
  return rows.map(({ text }) => text);
}
