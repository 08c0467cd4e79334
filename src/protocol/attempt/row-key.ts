/** The key of a row, as the primary key of its table names it. */
import { canonicalJson, type JsonObject } from '../../model/canonical-json.ts';
import { HoldfastError } from '../../model/failure.ts';

/** @throws HoldfastError `no-key` */
export function keyOf(table: string, primaryKey: readonly string[], row: JsonObject): JsonObject {
  if (primaryKey.length === 0)
    throw new HoldfastError('no-key', `Table ${table} has no primary key, so its rows cannot be told apart.`, {
      table,
    });
  const missing = primaryKey.filter((column) => row[column] === undefined || row[column] === null);
  if (missing.length > 0) {
    const shown = canonicalJson(row).slice(0, 200);
    throw new HoldfastError(
      'no-key',
      `A row for ${table} lacks ${missing.join(', ')} of its primary key (${primaryKey.join(', ')}): ${shown}.`,
      { table, missing },
    );
  }
  return Object.fromEntries(primaryKey.map((column) => [column, row[column]!]));
}
