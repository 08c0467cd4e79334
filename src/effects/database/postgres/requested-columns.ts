/**
 * Rows of a query as objects of canonical values, and which tables a batch of row requests needs to know.
 */
import type { Json } from '../../../model/canonical-json.ts';
import type { RowRequest } from '../database.ts';
import type { PostgresRows } from './session.ts';
import { duplicateColumn } from '../row-statement.ts';
import { setOwn } from '../values.ts';

/** @throws HoldfastError `sql-failed` if two columns have one name: an object would keep only one of the values. */
export function rowObjects(
  database: string,
  { names, rows }: Pick<PostgresRows, 'names' | 'rows'>,
): readonly Readonly<Record<string, Json>>[] {
  const duplicate = names.find((name, index) => names.indexOf(name) !== index);
  if (duplicate !== undefined) throw duplicateColumn(database, duplicate);
  return rows.map((row) => {
    const record: Record<string, Json> = {};
    for (const [index, name] of names.entries()) setOwn(record, name, row[index]!);
    return record;
  });
}

export function wantedShapes(requests: readonly RowRequest[]): ReadonlyMap<string, ReadonlySet<string>> {
  const wanted = new Map<string, Set<string>>();
  for (const request of requests) {
    let columns = wanted.get(request.table);
    if (columns === undefined) wanted.set(request.table, (columns = new Set()));
    for (const column of Object.keys(request.key)) columns.add(column);
    for (const column of request.columns) columns.add(column);
  }
  return wanted;
}
