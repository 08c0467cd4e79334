/**
 * What SQLite's catalog says of one table: the table itself, its columns and its indexes, as they are.
 */
import { quoteIdentifier, type TableName } from '../table-name.ts';
import type { SqliteReader, SqliteRow } from './reader.ts';
import { normalizeSql } from './table-definition.ts';

/** What `PRAGMA table_xinfo` says of a column in `hidden`. */
export const HIDDEN = { virtualTable: 1n, virtualGenerated: 2n, storedGenerated: 3n } as const;

export interface FoundTable {
  readonly schema: string;
  readonly name: string;
  readonly type: string;
  readonly sql: string;
}

export function findTable(reader: SqliteReader, table: TableName): FoundTable | undefined {
  // "main" unless said otherwise: a temporary table of the same name would only hide what is stored.
  const schema = table.schema ?? 'main';
  if (!reader.all('PRAGMA database_list').some((row) => row[1] === schema)) return undefined;
  const row = reader.all(
    `SELECT name, type, coalesce(sql, '') FROM ${quoteIdentifier(schema)}.sqlite_schema
     WHERE type IN ('table', 'view') AND name = ? COLLATE NOCASE`,
    [table.name],
  )[0];
  return row && { schema, name: String(row[0]), type: String(row[1]), sql: String(row[2]) };
}

export interface ColumnInfo {
  readonly position: number;
  readonly name: string;
  readonly type: string;
  readonly isNotNull: boolean;
  readonly default: string | null;
  readonly primaryKeyPosition: number;
  /** See HIDDEN. */
  readonly hidden: unknown;
}

export function columnInfos(reader: SqliteReader, table: FoundTable): readonly ColumnInfo[] {
  const rows = reader.all('SELECT cid, name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?, ?)', [
    table.name,
    table.schema,
  ]);
  return rows.map((row: SqliteRow) => ({
    position: Number(row[0]) + 1,
    name: String(row[1]),
    // A generated column's type ends in words that say so; what it is stands in `generated`.
    type: String(row[2]).replace(/\s*GENERATED ALWAYS$/i, ''),
    isNotNull: row[3] === 1n,
    default: row[4] === null ? null : normalizeSql(String(row[4])),
    primaryKeyPosition: Number(row[5]),
    hidden: row[6],
  }));
}

export function primaryKeyOf(infos: readonly ColumnInfo[]): string[] {
  return infos
    .filter((info) => info.primaryKeyPosition > 0)
    .sort((a, b) => a.primaryKeyPosition - b.primaryKeyPosition)
    .map((info) => info.name);
}

export interface IndexInfo {
  readonly sql: string | null;
  readonly isUnique: boolean;
  readonly isPartial: boolean;
  /** 'c' by CREATE INDEX, 'u' by UNIQUE, 'pk' by PRIMARY KEY. */
  readonly origin: string;
  /** null where an expression is indexed. */
  readonly columns: readonly (string | null)[];
}

export function indexesOf(reader: SqliteReader, table: FoundTable): readonly IndexInfo[] {
  const rows = reader.all('SELECT name, "unique", origin, partial FROM pragma_index_list(?, ?)', [
    table.name,
    table.schema,
  ]);
  return rows.map((row: SqliteRow) => {
    const name = String(row[0]);
    const columns = reader.all('SELECT name FROM pragma_index_info(?, ?) ORDER BY seqno', [name, table.schema]);
    const sql = reader.all(
      `SELECT sql FROM ${quoteIdentifier(table.schema)}.sqlite_schema WHERE type = 'index' AND name = ?`,
      [name],
    )[0]?.[0];
    return {
      sql: typeof sql === 'string' ? sql : null,
      isUnique: row[1] === 1n,
      isPartial: row[3] === 1n,
      origin: String(row[2]),
      columns: columns.map((column) => (column[0] === null ? null : String(column[0]))),
    };
  });
}
