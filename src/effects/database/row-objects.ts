/** Rows of a query as objects of canonical values. */
import type { Json } from '../../model/canonical-json.ts';
import { duplicateColumn } from './row-statement.ts';
import { setOwn } from './values.ts';

/** Rows by place, and the names of their columns. */
export interface NamedRows<Row> {
  readonly names: readonly string[];
  readonly rows: readonly Row[];
}

/**
 * @param decode makes a canonical value of what the driver gave
 * @throws HoldfastError `sql-failed` if two columns have one name: an object would hold only one of the values
 */
export function rowObjects<Value>(
  database: string,
  { names, rows }: NamedRows<readonly Value[]>,
  decode: (value: Value) => Json,
): readonly Readonly<Record<string, Json>>[] {
  const duplicate = names.find((name, index) => names.indexOf(name) !== index);
  if (duplicate !== undefined) throw duplicateColumn(database, duplicate);
  return rows.map((row) => {
    const record: Record<string, Json> = {};
    for (const [index, name] of names.entries()) setOwn(record, name, decode(row[index]!));
    return record;
  });
}

/** For a driver that gives canonical values. */
export function asIs(value: Json): Json {
  return value;
}
