/**
 * The one place where identifiers are quoted and statements on single rows are built, for both dialects.
 *
 * Invariants
 * 1. A name reaches SQL only through `quoteIdentifier`; a value only as a parameter.
 * 2. A row is addressed by its primary key or another unique key that cannot be null twice; otherwise `no-key`.
 */
import { HoldfastError } from '../../model/failure.ts';
import type { Dialect } from './database.ts';

export interface TableName {
  readonly schema: string | undefined;
  readonly name: string;
}

/** What building statements needs to know of a table. */
export interface TableShape {
  readonly table: TableName;
  /** By name; find one through `columnOf`, which knows what the dialect takes for the same name. */
  readonly columns: ReadonlyMap<string, ColumnShape>;
  readonly dialect: Dialect;
  /** Sets of columns that tell one row from all others, the primary key first. */
  readonly keys: readonly (readonly string[])[];
}

export interface ColumnShape {
  /** As the database spells it. */
  readonly name: string;
  /** PostgreSQL: the type's name, which casts without adding a length or precision. SQLite: the declared type. */
  readonly type: string;
  /** PostgreSQL: what an element or the value itself must be encoded as, where that is JSON. */
  readonly isJson: boolean;
  /** SQLite: the column stores a number as it comes, so that 21.0 and 21 are two values. */
  readonly keepsReal: boolean;
  readonly isGenerated: boolean;
  /** GENERATED ALWAYS AS IDENTITY: an INSERT with a value must say that it overrides. */
  readonly isAlwaysIdentity: boolean;
}

export interface Statement {
  readonly text: string;
  /** The columns whose values are the parameters, in order. */
  readonly parameters: readonly string[];
}

/** Tables that Holdfast has in a user's database. No effect may name them. */
export const HOLDFAST_TABLES = ['holdfast_token', 'holdfast_fence'] as const;

/** @throws HoldfastError `bad-input` for a name that no database accepts. */
export function quoteIdentifier(name: string): string {
  if (name === '' || name.includes('\0') || !name.isWellFormed()) {
    throw new HoldfastError('bad-input', `${JSON.stringify(name)} cannot be a table's or column's name.`, { name });
  }
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * Reads `table` or `schema.table`. A part that holds a dot stands in double quotes: `"a.b"`. The case of letters stays.
 * @throws HoldfastError `bad-input`.
 */
export function parseTableName(text: string): TableName {
  const match = /^(?:("(?:[^"]|"")+"|[^".]+)\.)?("(?:[^"]|"")+"|[^".]+)$/s.exec(text);
  if (!match) {
    throw new HoldfastError(
      'bad-input',
      `${JSON.stringify(text)} is not a table's name. ` +
        'Expected table or schema.table; a part with a dot in double quotes.',
      { table: text },
    );
  }
  return { schema: match[1] === undefined ? undefined : unquote(match[1]), name: unquote(match[2]!) };
}

/** How a table is named in results: without the schema that is searched anyway, parts with dots in quotes. */
export function formatTableName({ schema, name }: TableName): string {
  const part = (text: string): string => (/[".]/.test(text) ? quoteIdentifier(text) : text);
  return schema === undefined ? part(name) : `${part(schema)}.${part(name)}`;
}

export function quoteTable({ schema, name }: TableName): string {
  return schema === undefined ? quoteIdentifier(name) : `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/**
 * Whether two spellings name one table: `main.` and `public.` are what is meant without a schema; SQLite ignores
 * ASCII case.
 */
export function isSameTable(dialect: Dialect, a: string, b: string): boolean {
  return comparableTable(dialect, parseTableName(a)) === comparableTable(dialect, parseTableName(b));
}

export function isHoldfastTable(dialect: Dialect, table: TableName): boolean {
  const name = dialect === 'sqlite' ? foldAscii(table.name) : table.name;
  return HOLDFAST_TABLES.some((reserved) => reserved === name);
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

/** `rows`: how many at once; the parameters are those of one. */
export function insertRow(dialect: Dialect, shape: TableShape, columns: readonly string[], rows = 1): Statement {
  return { text: insertText(dialect, shape, columns, rows), parameters: columns };
}

/** Inserts, or sets the other columns where the key exists. */
export function upsertRow(
  dialect: Dialect,
  shape: TableShape,
  key: readonly string[],
  columns: readonly string[],
  rows = 1,
): Statement {
  const set = columns
    .filter((column) => !key.includes(column))
    .map((column) => `${quoteIdentifier(column)} = excluded.${quoteIdentifier(column)}`);
  // DO UPDATE on the key itself, where nothing else is written: the row is locked and triggers see it, as for any
  // upsert.
  if (set.length === 0) set.push(`${quoteIdentifier(key[0]!)} = excluded.${quoteIdentifier(key[0]!)}`);
  const conflict = key.map(quoteIdentifier).join(', ');
  const insert = insertText(dialect, shape, columns, rows);
  const text = `${insert} ON CONFLICT (${conflict}) DO UPDATE SET ${set.join(', ')}`;
  return { text, parameters: columns };
}

export function updateRow(
  dialect: Dialect,
  shape: TableShape,
  key: readonly string[],
  columns: readonly string[],
): Statement {
  const set = columns.map((column, index) => `${quoteIdentifier(column)} = ${placeholder(dialect, index)}`);
  return {
    text: `UPDATE ${quoteTable(shape.table)} SET ${set.join(', ')} WHERE ${keyCondition(dialect, key, columns.length)}`,
    parameters: [...columns, ...key],
  };
}

export function deleteRow(dialect: Dialect, shape: TableShape, key: readonly string[]): Statement {
  return { text: `DELETE FROM ${quoteTable(shape.table)} WHERE ${keyCondition(dialect, key, 0)}`, parameters: key };
}

/** One row's columns by its key. */
export function selectRow(
  dialect: Dialect,
  shape: TableShape,
  key: readonly string[],
  columns: readonly string[],
): Statement {
  const list = columns.length === 0 ? '1' : columns.map(quoteIdentifier).join(', ');
  return {
    text: `SELECT ${list} FROM ${quoteTable(shape.table)} WHERE ${keyCondition(dialect, key, 0)}`,
    parameters: key,
  };
}

/**
 * Many rows by their keys (PostgreSQL): one array parameter a key column; the first result column is the request's
 * number, from 1.
 */
export function selectRows(shape: TableShape, key: readonly string[], columns: readonly string[]): Statement {
  const arrays = key.map((column, index) => `$${index + 1}::${columnOf(shape, column)!.type}[]`);
  const names = key.map((_column, index) => `k${index}`);
  const joins = key.map((column, index) => `t.${quoteIdentifier(column)} = k.k${index}`);
  const list = ['k.n::int4', ...columns.map((column) => `t.${quoteIdentifier(column)}`)].join(', ');
  const keys = `unnest(${arrays.join(', ')}) WITH ORDINALITY AS k(${names.join(', ')}, n)`;
  return {
    text: `SELECT ${list} FROM ${keys} JOIN ${quoteTable(shape.table)} AS t ON ${joins.join(' AND ')}`,
    parameters: key,
  };
}

function insertText(dialect: Dialect, shape: TableShape, columns: readonly string[], rows: number): string {
  const table = quoteTable(shape.table);
  if (columns.length === 0) return `INSERT INTO ${table} DEFAULT VALUES`;
  const overriding = columns.some((column) => columnOf(shape, column)?.isAlwaysIdentity)
    ? ' OVERRIDING SYSTEM VALUE'
    : '';
  const valuesOf = (row: number): string =>
    `(${columns.map((_column, index) => placeholder(dialect, row * columns.length + index)).join(', ')})`;
  const values = Array.from({ length: rows }, (_none, row) => valuesOf(row)).join(', ');
  return `INSERT INTO ${table} (${columns.map(quoteIdentifier).join(', ')})${overriding} VALUES ${values}`;
}

function keyCondition(dialect: Dialect, key: readonly string[], offset: number): string {
  return key
    .map((column, index) => `${quoteIdentifier(column)} = ${placeholder(dialect, offset + index)}`)
    .join(' AND ');
}

function placeholder(dialect: Dialect, index: number): string {
  return dialect === 'sqlite' ? '?' : `$${index + 1}`;
}

function unquote(part: string): string {
  return part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part;
}

function comparableTable(dialect: Dialect, table: TableName): string {
  const implicit = dialect === 'sqlite' ? 'main' : 'public';
  const fold = (text: string): string => (dialect === 'sqlite' ? foldAscii(text) : text);
  const schema = table.schema === undefined ? implicit : fold(table.schema);
  return JSON.stringify([schema, fold(table.name)]);
}

function foldAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
