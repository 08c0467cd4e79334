/** How a step reads rows: the result is an observation, and is compared again before the step applies. */
import { isSameTable } from '../../../effects/database/table-name.ts';
import { plainValue } from '../../../effects/database/values.ts';
import type { Json } from '../../../model/canonical-json.ts';
import { defined } from '../../../model/defined.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { refuseUnknownOptions } from '../../../model/options.ts';
import { rowsDigest } from '../../look/digests.ts';
import type { DatabaseScope } from './database-scope.ts';
import type { QueryRowsOptions, Row } from '../../../model/step/step-database.ts';

/** @throws HoldfastError `too-large`, `staged-table-query`, `secret-in-output`, `sql-failed`; MustVerify */
export async function query<R extends Row>(
  scope: DatabaseScope,
  sql: string,
  params: readonly Json[],
  options: QueryRowsOptions = {},
): Promise<readonly R[]> {
  refuseUnknownOptions('ctx.db().query', options, { maxRows: true });
  const { maxRows } = options;
  const { stage, signal } = scope.attempt;
  signal.throwIfAborted();
  scope.refuseSecrets('a query', sql, params);
  const database = await scope.open();
  const { rows, tables } = await database.query(sql, params, { signal, ...defined({ maxRows }) });
  if (maxRows !== undefined && rows.length > maxRows)
    throw new HoldfastError(
      'too-large',
      `The query returns more than ${maxRows.toLocaleString('en-US')} rows (maxRows). Narrow it, or raise maxRows.`,
      { maxRows },
    );
  const staged = [...stage.stagedTables(scope.name)];
  const clash = tables.find((table) => staged.some((changed) => isSameTable(database.dialect, changed, table)));
  if (clash !== undefined)
    throw new HoldfastError(
      'staged-table-query',
      `The query reads ${clash}, to which this step has staged changes that the database does not have yet.`,
      { table: clash },
    );
  for (const table of tables) await scope.schemaOf(scope.spelled(table));
  stage.queries.push({
    database: scope.name,
    sql,
    params: [...params],
    rows: rowsDigest(rows),
    ...defined({ maxRows }),
  });
  return rows.map(plainRow) as readonly R[];
}

function plainRow(row: Row): Row {
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, plainValue(value as Json)]));
}
