/**
 * Names of tables and columns, in both dialects.
 *
 * Invariant: a name reaches SQL only through `quoteIdentifier`.
 */
import { HoldfastError } from '../../model/failure.ts';
import type { Dialect } from './database.ts';

export interface TableName {
  readonly schema: string | undefined;
  readonly name: string;
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

/** SQLite takes upper and lower case of ASCII letters for the same, and of no others. */
export function foldAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
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
