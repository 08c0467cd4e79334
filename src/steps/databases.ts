/** The code of the built-in steps that read and change databases. */
import type { JsonObject } from '../model/canonical-json.ts';
import { defined } from '../model/defined.ts';
import { dbQueryStep, dbSqlStep, dbUpsertStep } from '../model/step/built-in/database.ts';
import { implementStep } from '../model/step/step.ts';

export const dbSql = implementStep(dbSqlStep, async (ctx, { database, sql, params, writes, undo }) => {
  const undoStatement = undo === undefined ? undefined : { text: undo.sql, params: undo.params };
  await ctx.db(database).sql(sql, params, { writes, ...defined({ undo: undoStatement }) });
  return {};
});

export const dbUpsert = implementStep(dbUpsertStep, async (ctx, { database, table, rows, columns }) => {
  await ctx.db(database).upsert(table, rows as readonly JsonObject[], defined({ columns }));
  return { rowCount: rows.length };
});

export const dbQuery = implementStep(dbQueryStep, async (ctx, { database, sql, params, maxRows }) => {
  const rows = await ctx.db(database).query<JsonObject>(sql, params, { maxRows });
  return { rows: [...rows] };
});
