/** How a step stages a statement: it names the tables that the statement changes. */
import { canonicalJson, type Json } from '../../../model/canonical-json.ts';
import { defined } from '../../../model/defined.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { refuseUnknownOptions } from '../../../model/options.ts';
import type { DatabaseScope } from './database-scope.ts';
import type { StepDatabase } from '../../../model/step/step-database.ts';

type StatementOptions = Parameters<StepDatabase['sql']>[2];

/** @throws HoldfastError `bad-input`, `not-json`, `secret-in-output`; MustVerify */
export async function stageStatement(
  scope: DatabaseScope,
  text: string,
  params: readonly Json[],
  options: StatementOptions,
): Promise<void> {
  refuseUnknownOptions('ctx.db().sql', options, { writes: true, undo: true });
  if (options.undo !== undefined)
    refuseUnknownOptions('undo of ctx.db().sql', options.undo, { text: true, params: true });
  canonicalJson(params, 'params');
  const undo =
    options.undo === undefined ? undefined : { text: options.undo.text, params: [...(options.undo.params ?? [])] };
  scope.refuseSecrets('a statement', text, params, undo === undefined ? [] : [undo.text, undo.params]);
  if (options.writes.length === 0)
    throw new HoldfastError('bad-input', 'ctx.db().sql needs `writes`: the tables that the statement changes.', {});
  const writes = [...new Set(options.writes.map((table) => scope.spelled(table)))];
  for (const table of writes) await scope.schemaOf(table);
  scope.attempt.stage.stageSql({
    kind: 'sql',
    database: scope.name,
    text,
    params: [...params],
    writes,
    ...defined({ undo }),
  });
}
