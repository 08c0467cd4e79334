/**
 * The one place where statements on rows by their keys are built, for both dialects.
 *
 * Invariant: a name reaches SQL only through `quoteIdentifier`; a value only as a parameter.
 */
import type { Dialect } from './database.ts';
import { quoteIdentifier, quoteTable } from './table-name.ts';
import { columnOf, type TableShape } from './table-shape.ts';

export interface Statement {
  readonly text: string;
  /** The columns whose values are the parameters, in order. */
  readonly parameters: readonly string[];
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

/** A shape is one object until its table changes; a job inserts the same columns again and again. */
const insertTexts = new WeakMap<TableShape, Map<string, string>>();
const MAX_INSERT_TEXTS = 100;

function insertText(dialect: Dialect, shape: TableShape, columns: readonly string[], rows: number): string {
  let texts = insertTexts.get(shape);
  if (texts === undefined || texts.size > MAX_INSERT_TEXTS) insertTexts.set(shape, (texts = new Map<string, string>()));
  const key = `${rows}\0${columns.join('\0')}`;
  const known = texts.get(key);
  if (known !== undefined) return known;
  const text = newInsertText(dialect, shape, columns, rows);
  texts.set(key, text);
  return text;
}

function newInsertText(dialect: Dialect, shape: TableShape, columns: readonly string[], rows: number): string {
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
