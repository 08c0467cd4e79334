/**
 * The whole of a workspace outside `.holdfast`, and the tables of a database outside Holdfast's own, as one value to
 * compare.
 */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';

/** Path → what is there. Databases (by their path) are left out: `sqliteTables` has them. */
export function snapshotFiles(root: string, databases: readonly string[] = []): Record<string, string> {
  const seen: Record<string, string> = {};
  const visit = (folder: string): void => {
    for (const name of readdirSync(folder).sort()) {
      const path = join(folder, name);
      const place = relative(root, path);
      if (place === '.holdfast' || databases.some((database) => place === database || place.startsWith(`${database}-`)))
        continue;
      const stat = lstatSync(path);
      const mode = (stat.mode & 0o7777).toString(8);
      if (stat.isSymbolicLink()) seen[place] = `link to ${readlinkSync(path)}`;
      else if (stat.isDirectory()) {
        seen[place] = `folder ${mode}`;
        if ((stat.mode & 0o500) !== 0) visit(path);
      } else {
        const isReadable = (stat.mode & 0o400) !== 0 || process.getuid?.() === 0;
        const content = isReadable ? createHash('sha256').update(readFileSync(path)).digest('hex') : 'unreadable';
        seen[place] = `${mode} ${content} ${stat.mtimeMs}`;
      }
    }
  };
  visit(root);
  return seen;
}

/** Every table and index with its definition, and every row. */
export function sqliteTables(path: string): Record<string, unknown> {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const objects = database
      .prepare(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE tbl_name NOT LIKE 'holdfast%' ORDER BY type, name",
      )
      .all() as { type: string; name: string }[];
    const rows = objects
      .filter(({ type }) => type === 'table')
      .map(({ name }) => [name, database.prepare(`SELECT * FROM "${name}" ORDER BY 1`).all()]);
    return { objects, rows: Object.fromEntries(rows) as unknown };
  } finally {
    database.close();
  }
}

export async function postgresTables(url: string): Promise<Record<string, unknown>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const columns = await client.query(
      'SELECT table_name, column_name, data_type, is_nullable, column_default FROM ' +
        `information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'holdfast%' ` +
        'ORDER BY 1, ordinal_position',
    );
    const indexes = await client.query(
      `SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE 'holdfast%' ORDER BY 1`,
    );
    const tables = [...new Set((columns.rows as { table_name: string }[]).map((row) => row.table_name))];
    const rows: Record<string, unknown> = {};
    for (const table of tables) rows[table] = (await client.query(`SELECT * FROM "${table}" ORDER BY 1`)).rows;
    return { columns: columns.rows as unknown, indexes: indexes.rows as unknown, rows };
  } finally {
    await client.end();
  }
}
