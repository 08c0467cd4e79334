/**
 * Turns a change to one row into a statement and its values, for both dialects.
 *
 * Invariants
 * 1. A change addresses exactly one row, by a unique key, and does not move it to another key.
 * 2. Holdfast's own tables are refused.
 * 3. A column that the table lacks is an error here: nothing is omitted from a write without a word.
 */
import type { Json, JsonObject } from '../../model/canonical-json.ts';
import { digestOf } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { RowChange } from '../../model/record/effect.ts';
import type { RowState } from '../../model/record/world.ts';
import { columnOf, keyColumns, type ColumnShape, type TableShape } from './table-shape.ts';
import { deleteRow, insertRow, updateRow, upsertRow, type Statement } from './query-builder.ts';
import { formatTableName, isHoldfastTable, parseTableName, type TableName } from './table-name.ts';

export interface BoundStatement {
  readonly text: string;
  readonly parameters: readonly { readonly column: ColumnShape; readonly value: Json }[];
}

/** Inserts or upserts of the same columns, in the same order, as one statement. @throws as `rowChangeStatement` does */
export function rowChangesStatement(
  shape: TableShape,
  changes: readonly Pick<RowChange, 'kind' | 'key' | 'values'>[],
): BoundStatement {
  return {
    text: rowChangeStatement(shape, changes[0]!, changes.length).text,
    parameters: changes.flatMap((change) => rowChangeStatement(shape, change).parameters),
  };
}

/**
 * `rows`: for how many such changes the text is; the parameters are this one's.
 * @throws HoldfastError `no-key`, `bad-input`, `sql-failed` (a column that is not there).
 */
export function rowChangeStatement(
  shape: TableShape,
  change: Pick<RowChange, 'kind' | 'key' | 'values'>,
  rows = 1,
): BoundStatement {
  const key = keyColumns(shape, change.key);
  const moved = key.find(
    (column) => change.values[column] !== undefined && digestOf(change.values[column]) !== digestOf(change.key[column]),
  );
  if (moved !== undefined) {
    throw new HoldfastError(
      'bad-input',
      `A change to a row of ${formatTableName(shape.table)} gives "${moved}" of its key another value. ` +
        'Delete the row and insert one with the new key.',
      { column: moved },
    );
  }
  const all: JsonObject = { ...change.values, ...change.key };
  switch (change.kind) {
    case 'row.insert':
      return bind(shape, insertRow(shape.dialect, shape, Object.keys(all), rows), all);
    case 'row.upsert':
      return bind(shape, upsertRow(shape.dialect, shape, key, Object.keys(all), rows), all);
    case 'row.delete':
      return bind(shape, deleteRow(shape.dialect, shape, key), all);
    case 'row.update': {
      const columns = Object.keys(change.values).filter((column) => !key.includes(column));
      if (columns.length === 0)
        throw new HoldfastError(
          'bad-input',
          `An update of a row of ${formatTableName(shape.table)} sets no column besides its key. ` +
            'Expected at least one.',
        );
      return bind(shape, updateRow(shape.dialect, shape, key, columns), all);
    }
  }
}

/**
 * The statements that put a row to a state: the first that changes a row is enough. An update comes before the insert,
 * because an upsert would need a value for every column that must not be null, covered by the record or not.
 */
export function putRowStatements(shape: TableShape, key: JsonObject, state: RowState): readonly BoundStatement[] {
  const names = keyColumns(shape, key);
  if (state.kind === 'absent') return [bind(shape, deleteRow(shape.dialect, shape, names), key)];
  const all: JsonObject = { ...state.columns, ...key };
  const written = Object.keys(all).filter((column) => columnOf(shape, column)?.isGenerated !== true);
  const values = written.filter((column) => !names.includes(column));
  const insert = bind(shape, insertRow(shape.dialect, shape, written), all);
  return [bind(shape, updateRow(shape.dialect, shape, names, values.length > 0 ? values : names), all), insert];
}

/** @throws HoldfastError `bad-input` if the table is one of Holdfast's own. */
export function parseTargetTable(shapeDialect: TableShape['dialect'], table: string): TableName {
  const name = parseTableName(table);
  if (isHoldfastTable(shapeDialect, name))
    throw new HoldfastError('bad-input', `Table ${table} is Holdfast's own; no step may change it.`, { table });
  return name;
}

/** @throws HoldfastError `unknown-table`. */
export function unknownTable(database: string, table: string): HoldfastError {
  return new HoldfastError('unknown-table', `Database ${database} has no table ${table}. Expected one.`, {
    database,
    table,
  });
}

function bind(shape: TableShape, statement: Statement, values: JsonObject): BoundStatement {
  return {
    text: statement.text,
    parameters: statement.parameters.map((name) => {
      const column = columnOf(shape, name);
      if (column !== undefined) return { column, value: values[name]! };
      const table = formatTableName(shape.table);
      throw new HoldfastError(
        'sql-failed',
        `Table ${table} has no column "${name}". Found ${[...shape.columns.keys()].join(', ')}.`,
        { table, column: name },
      );
    }),
  };
}

/** More than one row under what the record takes for a key: the table's key must have been dropped. */
export function ambiguousRow(
  database: string,
  request: { readonly table: string; readonly key: JsonObject },
): HoldfastError {
  const details = { database, table: request.table, key: request.key };
  const found = `several rows of ${request.table} with the key ${JSON.stringify(request.key)}`;
  return new HoldfastError('no-key', `Database ${database} has ${found}. Expected one at most.`, details);
}

/** An update that has changed no row, where none was seen before. */
export function isMissing({ kind, before }: Pick<RowChange, 'kind' | 'before'>): boolean {
  return kind === 'row.update' && before.kind === 'absent';
}

/** An update that found no row. */
export function missingRow(
  database: string,
  change: { readonly table: string; readonly key: JsonObject },
): HoldfastError {
  const details = { database, table: change.table, key: change.key };
  const missing = `row of ${change.table} with the key ${JSON.stringify(change.key)}`;
  return new HoldfastError('sql-failed', `Database ${database} has no ${missing} to update. Expected one.`, details);
}

/** Two columns of one name: an object would hold only one of the values. */
export function duplicateColumn(database: string, column: string): HoldfastError {
  return new HoldfastError(
    'sql-failed',
    `Database ${database}: the query returns two columns named "${column}". Expected different names: use AS.`,
    { database, column },
  );
}
