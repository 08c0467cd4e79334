/** Which tables a transaction has read. */
import type { Json } from '../../../model/canonical-json.ts';
import type { TableName } from '../table-name.ts';

/** Tables that the transaction has locked, and so read: views resolved, partitions and what functions read included. */
export const TABLES_READ = `
SELECT CASE WHEN pg_table_is_visible(c.oid) THEN NULL ELSE n.nspname::text END, c.relname::text
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_class c ON c.oid = l.relation
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation'
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
  AND c.relkind IN ('r', 'p', 'f', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY 1 NULLS FIRST, 2`;

/** Rows of TABLES_READ as names. */
export function tablesRead(rows: readonly (readonly Json[])[]): readonly TableName[] {
  const names = new Map(
    rows.map(([schema, name]) => [
      JSON.stringify([schema, name]),
      { schema: schema === null ? undefined : String(schema), name: String(name) },
    ]),
  );
  return [...names.values()];
}
