/** Where the catalog has a table, whatever its name leads to now. */
import type { TablePlace } from '../database.ts';
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
