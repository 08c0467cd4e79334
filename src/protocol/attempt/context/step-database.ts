/** `ctx.db`: queries are observations, changes are staged. Statements and rows are recorded as they are. */
import type { Attempt } from '../attempt.ts';
import { declaredReference } from '../../workspace/database-url.ts';
import { query } from './query.ts';
import { stageDelete, stageRows, stageUpdate } from './stage-rows.ts';
import { stageStatement } from './stage-statement.ts';
import { DatabaseScope } from './database-scope.ts';
import type { StepDatabase } from '../../../model/step/step-database.ts';

/** @throws HoldfastError `undeclared-database` */
export function stepDatabase(attempt: Attempt, name: string): StepDatabase {
  const scope = new DatabaseScope(attempt, name, declaredReference(name, attempt.settings));
  return {
    get dialect() {
      return scope.dialect;
    },
    query: (sql, params = [], options = {}) => query(scope, sql, params, options),
    insert: (table, rows, options = {}) => stageRows(scope, { kind: 'row.insert', table, rows, options }),
    upsert: (table, rows, options = {}) => stageRows(scope, { kind: 'row.upsert', table, rows, options }),
    update: (table, key, values, options = {}) => stageUpdate(scope, { table, key, values, options }),
    delete: (table, key) => stageDelete(scope, table, key),
    sql: (text, params, options) => stageStatement(scope, text, params, options),
  };
}
