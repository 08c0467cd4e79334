/**
 * What SQLite tells of a table for the record.
 *
 * Invariant: reading again gives the same text while nothing changed. Names that SQLite made up (sqlite_autoindex_…)
 * and page numbers are omitted; definitions are normalised, so that layout and needless quotes are no difference.
 */
import { ABSENT, type SchemaState } from '../../../model/record/world.ts';
import { quoteIdentifier, type TableName } from '../table-name.ts';
import { columnInfos, findTable, HIDDEN, indexesOf, primaryKeyOf, type FoundTable } from './catalog.ts';
import type { SqliteReader, SqliteRow } from './reader.ts';
import { normalizeSql, readTableDefinition } from './table-definition.ts';

export function readSqliteSchema(reader: SqliteReader, table: TableName): SchemaState {
  const found = findTable(reader, table);
  if (found === undefined) return ABSENT;
  const infos = columnInfos(reader, found);
  const isPlain = found.type === 'table' && !/^\s*CREATE\s+VIRTUAL\b/i.test(found.sql);
  const definition = isPlain
    ? readTableDefinition(found.sql)
    : { constraints: [normalizeSql(found.sql)], generated: new Map<string, string>(), conflicts: [] };
  const indexes = indexesOf(reader, found);
  const constraints = [
    ...definition.constraints,
    ...indexes.filter((index) => index.origin === 'u').map((index) => `UNIQUE (${index.columns.join(', ')})`),
    ...foreignKeys(reader, found),
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
    behaviour: [...definition.conflicts, ...triggers(reader, found)].sort(),
  };
}

/** Whatever a write of the table sets off. */
function triggers(reader: SqliteReader, table: FoundTable): string[] {
  const rows = reader.all(
    `SELECT sql FROM ${quoteIdentifier(table.schema)}.sqlite_schema
     WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE`,
    [table.name],
  );
  return rows.map((row: SqliteRow) => normalizeSql(String(row[0])));
}

function foreignKeys(reader: SqliteReader, table: FoundTable): string[] {
  const rows = reader.all(
    'SELECT id, "table", "from", "to", on_update, on_delete FROM pragma_foreign_key_list(?, ?) ORDER BY id, seq',
    [table.name, table.schema],
  );
  const byId = new Map<unknown, SqliteRow[]>();
  for (const row of rows) byId.set(row[0], [...(byId.get(row[0]) ?? []), row]);
  return [...byId.values()].map((parts) => {
    const [, target, , , onUpdate, onDelete] = parts[0]!;
    const to = parts.every((part) => part[3] === null) ? '' : ` (${parts.map((part) => String(part[3])).join(', ')})`;
    const from = parts.map((part) => String(part[2])).join(', ');
    const actions = `${actionText('UPDATE', onUpdate)}${actionText('DELETE', onDelete)}`;
    return `FOREIGN KEY (${from}) REFERENCES ${String(target)}${to}${actions}`;
  });
}

function actionText(event: 'UPDATE' | 'DELETE', action: unknown): string {
  return action === 'NO ACTION' ? '' : ` ON ${event} ${String(action)}`;
}

function generatedText(hidden: unknown, expression: string): string | null {
  if (hidden === HIDDEN.virtualGenerated) return `${expression} VIRTUAL`.trim();
  if (hidden === HIDDEN.storedGenerated) return `${expression} STORED`.trim();
  return hidden === HIDDEN.virtualTable ? 'HIDDEN' : null;
}
