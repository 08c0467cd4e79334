/**
 * What building statements needs to know of a table.
 *
 * Invariant: a row is addressed by its primary key or another unique key that cannot be null twice; otherwise `no-key`.
 */
import { HoldfastError } from '../../model/failure.ts';
import type { Dialect } from './database.ts';
import { foldAscii, formatTableName, type TableName } from './table-name.ts';

export interface TableShape {
  readonly table: TableName;
  /** By name; find one through `columnOf`, which knows what the dialect takes for the same name. */
  readonly columns: ReadonlyMap<string, ColumnShape>;
  readonly dialect: Dialect;
  /** Sets of columns that tell one row from all others, the primary key first. */
  readonly keys: readonly (readonly string[])[];
  /** PostgreSQL: whether this role may lock it, as a change of its rows does. */
  readonly isLockable?: boolean;
}

export interface ColumnShape {
  /** As the database spells it. */
  readonly name: string;
  /** PostgreSQL: the type's name, which casts without adding a length or precision. SQLite: the declared type. */
  readonly type: string;
  /** PostgreSQL: what an element or the value itself must be encoded as, where that is JSON. */
  readonly isJson: boolean;
  /** PostgreSQL: whether the type is an array, or a domain over one. */
  readonly isArray?: boolean;
  /** SQLite: the column stores a number as it comes, so that 21.0 and 21 are two values. */
  readonly keepsReal: boolean;
  readonly isGenerated: boolean;
  /** GENERATED ALWAYS AS IDENTITY: an INSERT with a value must say that it overrides. */
  readonly isAlwaysIdentity: boolean;
}

/** SQLite takes `Temp` and `temp` for one column. */
export function columnOf(shape: TableShape, name: string): ColumnShape | undefined {
  const exact = shape.columns.get(name);
  if (exact !== undefined || shape.dialect === 'postgres') return exact;
  return (
    shape.columns.get(foldAscii(name)) ??
    [...shape.columns.values()].find((column) => foldAscii(column.name) === foldAscii(name))
  );
}

/**
 * The columns of a key, checked: they exist, are exactly a unique key, and none is null.
 * @throws HoldfastError `no-key`.
 */
export function keyColumns(shape: TableShape, key: Readonly<Record<string, unknown>>): readonly string[] {
  const names = Object.keys(key).sort();
  const table = formatTableName(shape.table);
  const isUnique = shape.keys.some(
    (unique) =>
      unique.length === names.length &&
      unique.every((column) => names.some((name) => columnOf(shape, name)?.name === column)),
  );
  if (!isUnique) {
    const known = shape.keys.map((unique) => `(${unique.join(', ')})`).join(' or ');
    throw new HoldfastError(
      'no-key',
      `(${names.join(', ')}) is not a key of table ${table}. Expected ${known || 'a primary key, but it has none'}.`,
      { table, key: names },
    );
  }
  const missing = names.find((name) => key[name] === null || key[name] === undefined);
  if (missing !== undefined)
    throw new HoldfastError('no-key', `The key of a row of ${table} has no value for "${missing}". Expected one.`, {
      table,
      key: names,
    });
  return names;
}
