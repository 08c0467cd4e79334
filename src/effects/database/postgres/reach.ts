/** What PostgreSQL's catalog tells of foreign keys, triggers and rules, and what a transaction has changed so far. */
import * as z from 'zod';
import type { Json, JsonObject } from '../../../model/canonical-json.ts';
import { unknownTable } from '../row-statement.ts';
import {
  formatTableName,
  HOLDFAST_TABLES,
  parseTableName,
  quoteIdentifier,
  quoteTable,
  type TableName,
} from '../table-name.ts';
import { columnOf, type TableShape } from '../table-shape.ts';
import { foundRow, writableColumns } from '../found-row.ts';
import type { CountedChanges, FoundRow, KeyAction, Reach, ReferringRequest } from '../reach.ts';
import type { PostgresSession } from './session.ts';
import { readPostgresShapes } from './shape.ts';
import { encodePostgresArray } from './values.ts';

const TEXT = { type: 'text', isJson: false } as const;
const MAX_ROWS_TOLD = 10_000;
/** Larger tables are not read for the rows that were changed. */
const MAX_COUNTED_BYTES = 64 * 1024 * 1024;

const NAME = (oid: string): string => `(SELECT json_build_array(
  CASE WHEN pg_table_is_visible(c.oid) THEN NULL ELSE n.nspname END, c.relname)
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ${oid})`;
const COLUMNS = (relation: string, numbers: string): string => `(SELECT json_agg(a.attname ORDER BY u.place)
  FROM unnest(${numbers}) WITH ORDINALITY AS u(attnum, place)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = ${relation} AND a.attnum = u.attnum)`;
const HAS_ACTION = `k.contype = 'f' AND k.conparentid = 0
  AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))`;

/**
 * The tables' names stand in a subquery, so that no plan is made for one value of them: the server then keeps the plan,
 * which takes it several times as long to make as to run.
 */
const REACH = `
WITH RECURSIVE reached(oid) AS (
  SELECT to_regclass(name)::oid FROM unnest((SELECT $1::text[])) AS w(name) WHERE to_regclass(name) IS NOT NULL
  UNION
  SELECT next.oid FROM reached r CROSS JOIN LATERAL (
    SELECT k.conrelid AS oid FROM pg_catalog.pg_constraint k WHERE k.confrelid = r.oid AND ${HAS_ACTION}
    UNION ALL
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i WHERE i.inhparent = r.oid) AS next)
SELECT (SELECT coalesce(json_agg(json_build_array(${NAME('k.conrelid')}, ${COLUMNS('k.conrelid', 'k.conkey')},
               ${NAME('k.confrelid')}, ${COLUMNS('k.confrelid', 'k.confkey')}, k.confdeltype, k.confupdtype)
               ORDER BY k.oid), '[]')
        FROM pg_catalog.pg_constraint k WHERE k.confrelid IN (SELECT oid FROM reached) AND ${HAS_ACTION}),
       (SELECT coalesce(json_agg(json_build_array(o.kind, o.name, ${NAME('o.relation')}) ORDER BY o.name), '[]')
        FROM (SELECT 'trigger' AS kind, t.tgname AS name, t.tgrelid AS relation FROM pg_catalog.pg_trigger t
              WHERE t.tgrelid IN (SELECT oid FROM reached) AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
              UNION ALL
              SELECT 'rule', w.rulename, w.ev_class FROM pg_catalog.pg_rewrite w
              WHERE w.ev_class IN (SELECT oid FROM reached) AND w.ev_type <> '1' AND w.ev_enabled IN ('O', 'A')) AS o)`;

const NameSchema = z.tuple([z.string().nullable(), z.string()]);
const KeySchema = z.tuple([
  NameSchema,
  z.array(z.string()),
  NameSchema,
  z.array(z.string()),
  z.string().describe('on delete'),
  z.string().describe('on update'),
]);
const ActSchema = z.tuple([z.enum(['trigger', 'rule']), z.string(), NameSchema]);
const ReachSchema = z.tuple([z.array(KeySchema), z.array(ActSchema)]);

const ACTIONS: Readonly<Record<string, KeyAction>> = { c: 'cascade', n: 'set null', d: 'set default' };

/** One round trip. */
export async function readPostgresReach(session: PostgresSession, tables: readonly TableName[]): Promise<Reach> {
  const { rows } = await session.runPrepared(REACH, [encodePostgresArray(tables.map(quoteTable), TEXT)]);
  const [keys, acts] = ReachSchema.parse(rows[0]);
  return {
    keys: keys.map(([table, columns, target, targetColumns, onDelete, onUpdate]) => ({
      table: nameOf(table),
      columns,
      target: nameOf(target),
      targetColumns,
      onDelete: ACTIONS[onDelete] ?? 'none',
      onUpdate: ACTIONS[onUpdate] ?? 'none',
    })),
    acts: acts.map(([kind, name, table]) => ({ kind, name, table: nameOf(table) })),
  };
}

/** Outside of a transaction that knows its tables. @throws HoldfastError `unknown-table` */
export async function referringRows(
  session: PostgresSession,
  database: string,
  request: ReferringRequest,
): Promise<readonly FoundRow[]> {
  const [shape] = await readPostgresShapes(session, [parseTableName(request.table)]);
  if (shape === undefined) throw unknownTable(database, request.table);
  return await readPostgresReferring(session, shape, request);
}

export async function readPostgresReferring(
  session: PostgresSession,
  shape: TableShape,
  { columns, values, limit }: ReferringRequest,
): Promise<readonly FoundRow[]> {
  const shapes = columns.map((column) => columnOf(shape, column)!);
  const arrays = shapes.map(({ type }, place) => `$${place + 1}::${type}[]`).join(', ');
  const names = columns.map((_column, place) => `k${place}`).join(', ');
  const joins = columns.map((column, place) => `t.${quoteIdentifier(column)} = k.k${place}`).join(' AND ');
  const wanted = writableColumns(shape);
  const list = wanted.map((column) => `t.${quoteIdentifier(column)}`).join(', ');
  const { rows } = await session.run(
    `SELECT ${list} FROM (SELECT DISTINCT * FROM unnest(${arrays}) AS u(${names})) AS k
     JOIN ${quoteTable(shape.table)} AS t ON ${joins} LIMIT ${limit}`,
    shapes.map((column, place) =>
      encodePostgresArray(
        values.map((tuple) => tuple[place]!),
        column,
      ),
    ),
  );
  return rows.map((row) => foundRow(shape, wanted, row));
}

const COUNTS = `
SELECT CASE WHEN pg_table_is_visible(c.oid) THEN NULL ELSE n.nspname::text END, c.relname::text, c.oid::text,
  pg_stat_get_xact_tuples_inserted(c.oid) + pg_stat_get_xact_tuples_updated(c.oid),
  pg_stat_get_xact_tuples_deleted(c.oid), pg_relation_size(c.oid) <= ${MAX_COUNTED_BYTES}
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND c.relname <> ALL ($1::text[])
  AND pg_stat_get_xact_tuples_inserted(c.oid) + pg_stat_get_xact_tuples_updated(c.oid)
    + pg_stat_get_xact_tuples_deleted(c.oid) > 0`;

/** By the table's oid: rows written and rows deleted, earlier transactions of the session included. */
export type PostgresCounts = ReadonlyMap<string, readonly [written: number, deleted: number]>;

export async function readPostgresCounts(session: PostgresSession): Promise<PostgresCounts> {
  const rows = await countRows(session);
  return new Map(rows.map(([, , oid, written, deleted]) => [String(oid), [Number(written), Number(deleted)] as const]));
}

/** What was changed since. Undefined: the server does not count. */
export async function readPostgresChanges(
  session: PostgresSession,
  since: PostgresCounts,
): Promise<readonly CountedChanges[] | undefined> {
  const tracks = await session.run(`SELECT current_setting('track_counts')`);
  if (tracks.rows[0]?.[0] !== 'on') return undefined;
  const changes: CountedChanges[] = [];
  for (const [schema, name, oid, writtenNow, deletedNow, isSmall] of await countRows(session)) {
    const [writtenBefore, deletedBefore] = since.get(String(oid)) ?? [0, 0];
    const written = Number(writtenNow) - writtenBefore;
    const deleted = Number(deletedNow) - deletedBefore;
    if (written <= 0 && deleted <= 0) continue;
    const table = { schema: schema === null ? undefined : String(schema), name: String(name) };
    changes.push({
      table: formatTableName(table),
      deleted,
      written: written > 0 ? await rowsWritten(session, table, isSmall === true) : [],
    });
  }
  return changes;
}

/** A row that was changed twice is told once. Undefined: in a subtransaction, or too many rows to look at. */
async function rowsWritten(
  session: PostgresSession,
  table: TableName,
  isSmall: boolean,
): Promise<readonly JsonObject[] | undefined> {
  const key = isSmall ? (await readPostgresShapes(session, [table]))[0]?.keys[0] : undefined;
  if (key === undefined) return undefined;
  const list = key.map(quoteIdentifier).join(', ');
  const { rows } = await session.run(
    `SELECT ${list} FROM ONLY ${quoteTable(table)} WHERE xmin = pg_current_xact_id()::xid LIMIT ${MAX_ROWS_TOLD}`,
  );
  if (rows.length === 0 || rows.length === MAX_ROWS_TOLD) return undefined;
  return rows.map((row) => Object.fromEntries(key.map((column, place) => [column, row[place]!])));
}

async function countRows(session: PostgresSession): Promise<readonly (readonly Json[])[]> {
  return (await session.run(COUNTS, [encodePostgresArray([...HOLDFAST_TABLES], TEXT)])).rows;
}

function nameOf([schema, name]: z.infer<typeof NameSchema>): string {
  return formatTableName({ schema: schema ?? undefined, name });
}
