/** What SQLite tells of a table for building statements. */
import type { ColumnShape, TableShape } from '../table-shape.ts';
import type { TableName } from '../table-name.ts';
import { columnInfos, findTable, HIDDEN, indexesOf, primaryKeyOf } from './catalog.ts';
import type { SqliteReader } from './reader.ts';

export function readSqliteShape(reader: SqliteReader, table: TableName): TableShape | undefined {
  const found = findTable(reader, table);
  if (found === undefined) return undefined;
  const isStrict = /\bSTRICT\b[^()]*$/i.test(found.sql);
  const infos = columnInfos(reader, found);
  const columns = new Map<string, ColumnShape>();
  for (const info of infos) {
    const isGenerated = info.hidden === HIDDEN.virtualGenerated || info.hidden === HIDDEN.storedGenerated;
    columns.set(info.name, {
      name: info.name,
      type: info.type,
      isJson: false,
      keepsReal: keepsReal(info.type, isStrict),
      isGenerated,
      isAlwaysIdentity: false,
    });
  }
  const primaryKey = primaryKeyOf(infos);
  const uniques = indexesOf(reader, found)
    .filter((index) => index.isUnique && !index.isPartial)
    .map((index) => index.columns)
    .filter((names) => names.every((name) => name !== null));
  return {
    table: { schema: table.schema, name: found.name },
    dialect: 'sqlite',
    columns,
    keys: primaryKey.length > 0 ? [primaryKey, ...uniques] : uniques,
  };
}

/**
 * SQLite's rules of affinity (datatype3.html §3.1): only BLOB, no type at all, and ANY of a STRICT table leave a
 * number as it comes.
 */
function keepsReal(type: string, isStrict: boolean): boolean {
  const upper = type.toUpperCase();
  if (isStrict) return upper === 'ANY';
  if (upper.includes('INT') || /CHAR|CLOB|TEXT/.test(upper)) return false;
  return upper === '' || upper.includes('BLOB');
}
