/** What SQLite tells of foreign keys and triggers. */
import type { Json } from '../../../model/canonical-json.ts';
import { defined } from '../../../model/defined.ts';
import {
  foldAscii,
  formatTableName,
  isHoldfastTable,
  parseTableName,
  quoteIdentifier,
  quoteTable,
  type TableName,
} from '../table-name.ts';
import { columnOf, type TableShape } from '../table-shape.ts';
import { foundRow, writableColumns } from '../found-row.ts';
import type { CountedChanges, FollowingKey, FoundRow, KeyAction, OwnAct, Reach, ReferringRequest } from '../reach.ts';
import { unknownTable } from '../row-statement.ts';
import { decodeSqlite } from '../values.ts';
import { changedRows } from './changeset.ts';
import type { ShapedReader, SqliteReader, SqliteRow } from './reader.ts';

const ACTIONS: Readonly<Record<string, KeyAction>> = {
  CASCADE: 'cascade',
  'SET NULL': 'set null',
  'SET DEFAULT': 'set default',
};

/** All of the file. */
export interface SqliteReach {
  readonly keys: readonly FollowingKey[];
  readonly acts: readonly (OwnAct & { readonly body: string })[];
  /** Of all tables and views. Undefined: virtual tables and `ON CONFLICT REPLACE` change what no trigger names. */
  readonly names: readonly string[] | undefined;
}

export function readSqliteReach(reader: ShapedReader): SqliteReach {
  const rows = reader.all(
    `SELECT m.name, f.id, f."table", f."from", f."to", f.on_delete, f.on_update
     FROM main.sqlite_schema AS m, pragma_foreign_key_list(m.name, 'main') AS f
     WHERE m.type = 'table' ORDER BY m.name, f.id, f.seq`,
  );
  const keys = [...Map.groupBy(rows, ([table, id]) => `${String(id)} ${String(table)}`).values()]
    .map((parts) => followingKey(reader, parts))
    .filter(({ onDelete, onUpdate }) => onDelete !== 'none' || onUpdate !== 'none');
  return { keys, acts: triggersOf(reader), names: namesOf(reader) };
}

/** What of it a change of these tables can lead to. */
export function reachFrom(all: SqliteReach, tables: readonly TableName[]): Reach {
  const { keys, acts, names } = all;
  const reached = new Set(tables.map(({ name }) => foldAscii(name)));
  follow(keys, reached);
  const first = acts.filter(({ table }) => reached.has(foldAscii(table)));
  return {
    keys: keys.filter(({ target }) => reached.has(foldAscii(target))),
    acts: first.map(({ kind, name, table }) => ({ kind, name, table })),
    ...defined({ actsChange: names && changedBy(first, all, names) }),
  };
}

/** Adds what foreign keys change with the tables that are reached. */
function follow(keys: readonly FollowingKey[], reached: Set<string>): void {
  for (let size = -1; size !== reached.size;) {
    size = reached.size;
    for (const { table, target } of keys) if (reached.has(foldAscii(target))) reached.add(foldAscii(table));
  }
}

/**
 * Tables that triggers, what those set off and so on can change: a trigger changes only tables that its body names. Any
 * that stands in it counts, also as a part of a word.
 */
function changedBy(
  first: SqliteReach['acts'],
  { keys, acts }: SqliteReach,
  names: readonly string[],
): readonly string[] {
  const changed = new Set<string>();
  let fired = first;
  while (fired.length > 0) {
    const before = new Set(changed);
    for (const { body } of fired) for (const name of names) if (isIn(body, name)) changed.add(name);
    follow(keys, changed);
    fired = acts.filter(({ table }) => changed.has(foldAscii(table)) && !before.has(foldAscii(table)));
  }
  return [...changed].map((name) => formatTableName({ schema: undefined, name }));
}

/** A name that holds quotes may stand there otherwise than it is. */
function isIn(body: string, name: string): boolean {
  return body.includes(name) || /["'`[\]]/.test(name);
}

/** @throws HoldfastError `unknown-table` */
export function referringRows(
  reader: ShapedReader,
  database: string,
  { table, columns, values, limit }: ReferringRequest,
): readonly FoundRow[] {
  const shape = reader.shape(parseTableName(table));
  if (shape === undefined) throw unknownTable(database, table);
  const wanted = writableColumns(shape);
  const text = `SELECT ${wanted.map(quoteIdentifier).join(', ')} FROM ${quoteTable(shape.table)}
    WHERE ${columns.map((column) => `${quoteIdentifier(column)} = ?`).join(' AND ')} LIMIT ?`;
  const found: FoundRow[] = [];
  for (const tuple of values) {
    const rows = reader.all(text, [...tuple, limit - found.length]);
    found.push(...rows.map((row) => foundRow(shape, wanted, decoded(shape, wanted, row))));
    if (found.length >= limit) break;
  }
  return found;
}

/** By table, Holdfast's own left out. */
export function countedChanges(reader: ShapedReader, changeset: Uint8Array): readonly CountedChanges[] {
  const tables = [...Map.groupBy(changedRows(changeset), ({ table }) => table)];
  return tables.flatMap(([name, rows]) => {
    const table = { schema: undefined, name };
    if (isHoldfastTable('sqlite', table)) return [];
    const columns = [...(reader.shape(table)?.columns.values() ?? [])].filter(({ isGenerated }) => !isGenerated);
    const written = rows
      .filter(({ isDeleted }) => !isDeleted)
      .map(({ key }) => Object.fromEntries(key.map(({ place, value }) => [columns[place]?.name ?? `${place}`, value])));
    return [{ table: formatTableName(table), written, deleted: rows.length - written.length }];
  });
}

function decoded(shape: TableShape, names: readonly string[], row: SqliteRow): readonly Json[] {
  return names.map((name, place) => decodeSqlite(row[place], columnOf(shape, name)?.keepsReal));
}

function followingKey(reader: ShapedReader, parts: readonly SqliteRow[]): FollowingKey {
  const [table, , target, , to, onDelete, onUpdate] = parts[0]!;
  // Without columns the key refers to the primary key of its target.
  const primaryKey = reader.shape({ schema: undefined, name: String(target) })?.keys[0] ?? [];
  return {
    table: String(table),
    columns: parts.map((part) => String(part[3])),
    target: String(target),
    targetColumns: to === null ? primaryKey : parts.map((part) => String(part[4])),
    onDelete: ACTIONS[String(onDelete)] ?? 'none',
    onUpdate: ACTIONS[String(onUpdate)] ?? 'none',
  };
}

function triggersOf(reader: SqliteReader): SqliteReach['acts'] {
  const rows = reader.all(`SELECT name, tbl_name, sql FROM main.sqlite_schema WHERE type = 'trigger' ORDER BY name`);
  return rows.map(([name, table, text]) => ({
    kind: 'trigger',
    name: String(name),
    table: String(table),
    body: bodyOf(foldAscii(String(text))),
  }));
}

/** Without what it is set off by, as far as that can be told: its own table is not changed for standing there. */
function bodyOf(text: string): string {
  return text.slice(Math.max(0, text.indexOf('begin')));
}

function namesOf(reader: SqliteReader): readonly string[] | undefined {
  const rows = reader.all(
    `SELECT name, type = 'table' AND (sql LIKE 'CREATE VIRTUAL%' OR sql LIKE '%REPLACE%')
     FROM main.sqlite_schema WHERE type IN ('table', 'view')`,
  );
  return rows.some(([, isUnclear]) => Number(isUnclear) === 1)
    ? undefined
    : rows.map(([name]) => foldAscii(String(name)));
}
