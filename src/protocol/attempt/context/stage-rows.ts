/** How a step stages changes of single rows: each names its row by the primary key of its table. */
import { canonicalJson, type JsonObject } from '../../../model/canonical-json.ts';
import { refuseUnknownOptions } from '../../../model/options.ts';
import { keyOf } from '../row-key.ts';
import type { DatabaseScope } from './database-scope.ts';
import type { RowOptions } from '../../../model/step/step-database.ts';

export interface NewRows {
  readonly kind: 'row.insert' | 'row.upsert';
  /** As the step spells it. */
  readonly table: string;
  readonly rows: JsonObject | readonly JsonObject[];
  readonly options: RowOptions;
}

export interface RowUpdate {
  /** As the step spells it. */
  readonly table: string;
  readonly key: JsonObject;
  readonly values: JsonObject;
  readonly options: RowOptions;
}

/** @throws HoldfastError `unknown-table`, `no-key`, `not-json`, `same-target-twice`, `secret-in-output`; MustVerify */
export async function stageRows(scope: DatabaseScope, { kind, table: given, rows, options }: NewRows): Promise<void> {
  refuseUnknownOptions(`ctx.db().${kind.replace('row.', '')}`, options, { columns: true });
  const table = scope.spelled(given);
  const all: readonly JsonObject[] = isMany(rows) ? rows : [rows];
  canonicalJson(all, 'rows');
  scope.refuseSecrets('a row', all);
  const { primaryKey } = await scope.existingSchema(table);
  for (const values of all) {
    const key = keyOf(table, primaryKey, values);
    const columns = coveredColumns(key, values, options);
    scope.attempt.stage.stageRow({ kind, database: scope.name, table, key, values, columns });
  }
}

/** @throws HoldfastError as `stageRows` */
export async function stageUpdate(scope: DatabaseScope, update: RowUpdate): Promise<void> {
  const { key, values, options } = update;
  refuseUnknownOptions('ctx.db().update', options, { columns: true });
  canonicalJson([key, values], 'update');
  scope.refuseSecrets('a row', key, values);
  const table = scope.spelled(update.table);
  const { primaryKey } = await scope.existingSchema(table);
  scope.attempt.stage.stageRow({
    kind: 'row.update',
    database: scope.name,
    table,
    key: keyOf(table, primaryKey, key),
    values,
    columns: coveredColumns(key, values, options),
  });
}

/** @throws HoldfastError as `stageRows` */
export async function stageDelete(scope: DatabaseScope, given: string, key: JsonObject): Promise<void> {
  canonicalJson(key, 'key');
  scope.refuseSecrets('a row', key);
  const table = scope.spelled(given);
  const { primaryKey, columns } = await scope.existingSchema(table);
  scope.attempt.stage.stageRow({
    kind: 'row.delete',
    database: scope.name,
    table,
    key: keyOf(table, primaryKey, key),
    values: {},
    // All that can be written: so that an undo can put the row back.
    columns: columns.filter(({ generated }) => generated === null).map(({ name }) => name),
  });
}

function isMany(rows: NewRows['rows']): rows is readonly JsonObject[] {
  return Array.isArray(rows);
}

/** Columns that the record will cover: the key, and those that the step names or writes. */
function coveredColumns(key: JsonObject, values: JsonObject, { columns }: RowOptions): readonly string[] {
  return [...new Set([...Object.keys(key), ...(columns ?? Object.keys(values))])].sort();
}
