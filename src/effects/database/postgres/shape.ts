/** What PostgreSQL's catalog tells of tables for building statements. */
import * as z from 'zod';
import { quoteTable, type TableName } from '../table-name.ts';
import type { ColumnShape, TableShape } from '../table-shape.ts';
import type { PostgresSession } from './session.ts';
import { encodePostgresArray } from './values.ts';

const TEXT = { type: 'text', isJson: false } as const;

/** Of the column `a`: what its type comes to through domains and arrays, however many, and whether one is an array. */
const INNERMOST = `
  WITH RECURSIVE base (oid, is_array, depth) AS (
    SELECT a.atttypid, false, 0
    UNION ALL
    SELECT CASE WHEN d.typtype = 'd' THEN d.typbasetype ELSE d.typelem END, base.is_array OR d.typtype <> 'd', depth + 1
    FROM base JOIN pg_catalog.pg_type d ON d.oid = base.oid WHERE d.typtype = 'd' OR d.typcategory = 'A'
  ) SELECT oid, is_array FROM base ORDER BY depth DESC LIMIT 1`;

const SHAPES = `
SELECT (SELECT coalesce(json_agg(json_build_array(
                 a.attname, format_type(a.atttypid, -1), a.attgenerated <> '', a.attidentity = 'a',
                 e.oid IN (114, 3802), e.is_array)
                 ORDER BY a.attnum), '[]')
        FROM pg_catalog.pg_attribute a, LATERAL (${INNERMOST}) AS e
        WHERE a.attrelid = w.relation AND a.attnum > 0 AND NOT a.attisdropped),
       (SELECT coalesce(json_agg((SELECT json_agg(a.attname ORDER BY k.place)
                 FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                 WHERE k.place <= i.indnkeyatts) ORDER BY i.indisprimary DESC, i.indexrelid), '[]')
        FROM pg_catalog.pg_index i
        WHERE i.indrelid = w.relation AND i.indisunique AND i.indisvalid AND i.indimmediate
          AND i.indpred IS NULL AND i.indexprs IS NULL),
       coalesce((SELECT c.relkind IN ('r', 'p') AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
                 FROM pg_catalog.pg_class c WHERE c.oid = w.relation), false)
FROM (SELECT to_regclass(name) AS relation, place FROM unnest($1::text[]) WITH ORDINALITY AS n(name, place)) AS w
ORDER BY w.place`;

/** Name, type, is it generated, is it always an identity, does it hold JSON, is it an array? */
const ColumnSchema = z.tuple([z.string(), z.string(), z.boolean(), z.boolean(), z.boolean(), z.boolean()]);
/** Columns, keys, may it be locked? */
const ShapeRowSchema = z.tuple([z.array(ColumnSchema), z.array(z.array(z.string())), z.boolean()]);

/** The shapes of tables, in order; undefined for one that is not there. One round trip. */
export async function readPostgresShapes(
  session: PostgresSession,
  tables: readonly TableName[],
): Promise<readonly (TableShape | undefined)[]> {
  const { rows } = await session.runPrepared(SHAPES, [encodePostgresArray(tables.map(quoteTable), TEXT)]);
  return tables.map((table, index) => {
    const [columns, keys, isLockable] = ShapeRowSchema.parse(rows[index]);
    // Every table has a column or is none that a row could be in.
    if (columns.length === 0) return undefined;
    return {
      table,
      dialect: 'postgres',
      columns: new Map(columns.map((column) => [column[0], columnShape(column)])),
      keys,
      isLockable,
    };
  });
}

function columnShape(column: z.infer<typeof ColumnSchema>): ColumnShape {
  const [name, type, isGenerated, isAlwaysIdentity, isJson, isArray] = column;
  return { name, type, isJson, isArray, keepsReal: false, isGenerated, isAlwaysIdentity };
}
