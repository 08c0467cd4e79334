/** What the catalog tells of tables besides what is in them: where they are, and whether they hide rows. */
import type { TablePlace } from '../database.ts';
import { encodePostgresArray } from './values.ts';
import type { PostgresRows, PostgresSession } from './session.ts';

const PLACE = `
SELECT format('%I.%I', n.nspname, c.relname), has_schema_privilege(n.oid, 'USAGE'), current_setting('search_path')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace `;

/** Undefined: no table has this object id. */
export async function locateTable(session: PostgresSession, id: string): Promise<TablePlace | undefined> {
  return placeOf(await session.run(`${PLACE} WHERE c.oid = $1::oid`, [id]));
}

/** A table of this name that the search_path does not lead to. */
export async function locateStray(session: PostgresSession, name: string): Promise<TablePlace | undefined> {
  const isStray = 'c.relname = $1 AND NOT pg_table_is_visible(c.oid) AND to_regclass(quote_ident($1)) IS NULL';
  return placeOf(await session.run(`${PLACE} WHERE c.relkind IN ('r', 'p') AND ${isStray} ORDER BY 1 LIMIT 1`, [name]));
}

function placeOf({ rows: [row] }: PostgresRows): TablePlace | undefined {
  if (row === undefined) return undefined;
  const [name, isUsable, searchPath] = row;
  return { name: String(name), isUsable: isUsable === true, searchPath: String(searchPath) };
}

const HIDING = `
SELECT n.name FROM unnest($1::text[]) AS n(name) JOIN pg_catalog.pg_class c ON c.oid = to_regclass(n.name)
WHERE row_security_active(c.oid) OR c.relkind = 'v'`;

/** Those of the tables (quoted names) of which this role may not see every row. */
export async function hidingTables(session: PostgresSession, quoted: readonly string[]): Promise<ReadonlySet<string>> {
  const names = encodePostgresArray(quoted, { type: 'text', isJson: false });
  return new Set((await session.run(HIDING, [names])).rows.map(([name]) => String(name)));
}
