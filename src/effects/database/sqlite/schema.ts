/**
 * What SQLite tells of a table: its shape for building statements, its schema for the record.
 *
 * Invariant: reading again gives the same text while nothing changed. Names that SQLite made up (sqlite_autoindex_…)
 * and page numbers are left out; definitions are normalised, so that layout and needless quotes are no difference.
 */
import { ABSENT, type SchemaState } from '../../../model/record/world.ts';
import type { ColumnShape, TableName, TableShape } from '../query-builder.ts';
import { quoteIdentifier } from '../query-builder.ts';
import type { SqliteConnection, SqliteRow } from './connection.ts';
import { normalizeSql, readTableDefinition } from './table-definition.ts';

/** What `PRAGMA table_xinfo` says of a column in `hidden`. */
const HIDDEN = { virtualTable: 1n, virtualGenerated: 2n, storedGenerated: 3n } as const;

type Connection = Pick<SqliteConnection, 'all'>;

export function readSqliteShape(connection: Connection, table: TableName): TableShape | undefined {
  const found = findTable(connection, table);
  if (found === undefined) return undefined;
  const isStrict = /\bSTRICT\b[^()]*$/i.test(found.sql);
  const infos = columnInfos(connection, found);
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
  const uniques = indexesOf(connection, found)
    .filter((index) => index.isUnique && !index.isPartial && index.columns.every((column) => column !== null))
    .map((index) => index.columns as string[]);
  return {
    table: { schema: table.schema, name: found.name },
    dialect: 'sqlite',
    columns,
    keys: primaryKey.length > 0 ? [primaryKey, ...uniques] : uniques,
  };
}

export function readSqliteSchema(connection: Connection, table: TableName): SchemaState {
  const found = findTable(connection, table);
  if (found === undefined) return ABSENT;
  const infos = columnInfos(connection, found);
  const isPlain = found.type === 'table' && !/^\s*CREATE\s+VIRTUAL\b/i.test(found.sql);
  const definition = isPlain
    ? readTableDefinition(found.sql)
    : { constraints: [normalizeSql(found.sql)], generated: new Map<string, string>() };
  const indexes = indexesOf(connection, found);
  const constraints = [
    ...definition.constraints,
    ...indexes.filter((index) => index.origin === 'u').map((index) => `UNIQUE (${index.columns.join(', ')})`),
    ...foreignKeys(connection, found),
  ];
  return {
    kind: 'schema',
    columns: infos.map((info) => ({
      name: info.name,
      type: info.type,
      nullable: !info.isNotNull,
      default: info.default,
      position: info.position,
      generated: generatedText(info.hidden, definition.generated.get(info.name) ?? ''),
    })),
    primaryKey: primaryKeyOf(infos),
    indexes: indexes.flatMap((index) => (index.sql === null ? [] : [normalizeSql(index.sql)])).sort(),
    constraints: constraints.sort(),
  };
}

interface FoundTable {
  readonly schema: string;
  readonly name: string;
  readonly type: string;
  readonly sql: string;
}

function findTable(connection: Connection, table: TableName): FoundTable | undefined {
  // "main" unless said otherwise: a temporary table of the same name would only hide what is stored.
  const schema = table.schema ?? 'main';
  if (!connection.all('PRAGMA database_list').some((row) => row[1] === schema)) return undefined;
  const row = connection.all(
    `SELECT name, type, coalesce(sql, '') FROM ${quoteIdentifier(schema)}.sqlite_schema WHERE type IN ('table', 'view') AND name = ? COLLATE NOCASE`,
    [table.name],
  )[0];
  return row && { schema, name: String(row[0]), type: String(row[1]), sql: String(row[2]) };
}

interface ColumnInfo {
  readonly position: number;
  readonly name: string;
  readonly type: string;
  readonly isNotNull: boolean;
  readonly default: string | null;
  readonly primaryKeyPosition: number;
  readonly hidden: bigint;
}

function columnInfos(connection: Connection, table: FoundTable): readonly ColumnInfo[] {
  const rows = connection.all(
    'SELECT cid, name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?, ?)',
    [table.name, table.schema],
  );
  return rows.map((row: SqliteRow) => ({
    position: Number(row[0]) + 1,
    name: String(row[1]),
    // A generated column's type ends in words that say so; what it is stands in `generated`.
    type: String(row[2]).replace(/\s*GENERATED ALWAYS$/i, ''),
    isNotNull: row[3] === 1n,
    default: row[4] === null ? null : normalizeSql(String(row[4])),
    primaryKeyPosition: Number(row[5]),
    hidden: row[6] as bigint,
  }));
}

function primaryKeyOf(infos: readonly ColumnInfo[]): string[] {
  return infos
    .filter((info) => info.primaryKeyPosition > 0)
    .sort((a, b) => a.primaryKeyPosition - b.primaryKeyPosition)
    .map((info) => info.name);
}

interface IndexInfo {
  readonly sql: string | null;
  readonly isUnique: boolean;
  readonly isPartial: boolean;
  /** 'c' by CREATE INDEX, 'u' by UNIQUE, 'pk' by PRIMARY KEY. */
  readonly origin: string;
  /** null where an expression is indexed. */
  readonly columns: readonly (string | null)[];
}

function indexesOf(connection: Connection, table: FoundTable): readonly IndexInfo[] {
  const rows = connection.all('SELECT name, "unique", origin, partial FROM pragma_index_list(?, ?)', [
    table.name,
    table.schema,
  ]);
  return rows.map((row: SqliteRow) => {
    const name = String(row[0]);
    const columns = connection.all('SELECT name FROM pragma_index_info(?, ?) ORDER BY seqno', [name, table.schema]);
    const sql = connection.all(
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

function foreignKeys(connection: Connection, table: FoundTable): string[] {
  const rows = connection.all(
    'SELECT id, "table", "from", "to", on_update, on_delete FROM pragma_foreign_key_list(?, ?) ORDER BY id, seq',
    [table.name, table.schema],
  );
  const byId = new Map<unknown, SqliteRow[]>();
  for (const row of rows) byId.set(row[0], [...(byId.get(row[0]) ?? []), row]);
  return [...byId.values()].map((parts) => {
    const [, target, , , onUpdate, onDelete] = parts[0]!;
    const to = parts.every((part) => part[3] === null) ? '' : ` (${parts.map((part) => String(part[3])).join(', ')})`;
    const actions = `${onUpdate === 'NO ACTION' ? '' : ` ON UPDATE ${String(onUpdate)}`}${onDelete === 'NO ACTION' ? '' : ` ON DELETE ${String(onDelete)}`}`;
    return `FOREIGN KEY (${parts.map((part) => String(part[2])).join(', ')}) REFERENCES ${String(target)}${to}${actions}`;
  });
}

function generatedText(hidden: bigint, expression: string): string | null {
  if (hidden === HIDDEN.virtualGenerated) return `${expression} VIRTUAL`.trim();
  if (hidden === HIDDEN.storedGenerated) return `${expression} STORED`.trim();
  return hidden === HIDDEN.virtualTable ? 'HIDDEN' : null;
}

/** SQLite's rules of affinity (datatype3.html §3.1): only BLOB, no type at all, and ANY of a STRICT table leave a number as it comes. */
function keepsReal(type: string, isStrict: boolean): boolean {
  const upper = type.toUpperCase();
  if (isStrict) return upper === 'ANY';
  if (upper.includes('INT') || /CHAR|CLOB|TEXT/.test(upper)) return false;
  return upper === '' || upper.includes('BLOB');
}
