/**
 * Rows of a query as objects of canonical values.
 */
import type { Json } from '../../model/canonical-json.ts';
import { duplicateColumn } from './row-statement.ts';
import type { Columns } from './sqlite/connection.ts';
import { decodeSqlite, setOwn } from './values.ts';

/** @throws HoldfastError `sql-failed` if two columns have one name: an object would keep only one of the values. */
export function rowObjects(database: string, { names, rows }: Columns): readonly Readonly<Record<string, Json>>[] {
  const duplicate = names.find((name, index) => names.indexOf(name) !== index);
  if (duplicate !== undefined) throw duplicateColumn(database, duplicate);
  return rows.map((row) => {
    const record: Record<string, Json> = {};
    for (const [index, name] of names.entries()) setOwn(record, name, decodeSqlite(row[index]));
    return record;
  });
}
