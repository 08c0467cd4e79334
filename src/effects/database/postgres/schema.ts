/**
 * What PostgreSQL's catalog tells of a table for the record.
 *
 * Invariant: reading again gives the same text while nothing changed. A column's position is its attribute number,
 * which is never given again: a column dropped and added anew stands elsewhere, a renamed one stays.
 */
import * as z from 'zod';
import { ABSENT, type SchemaState } from '../../../model/record/world.ts';
import { quoteTable, type TableName } from '../table-name.ts';
import { TABLE_BEHAVIOUR } from './behaviour.ts';
import type { PostgresSession } from './session.ts';

const SCHEMA = `
SELECT (SELECT coalesce(json_agg(json_build_array(
                 a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
                 a.attnum,
                 a.attgenerated, a.attidentity,
                 CASE WHEN a.attcollation <> (SELECT t.typcollation FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid)
                      THEN a.attcollation::regcollation::text END)
                 ORDER BY a.attnum), '[]')
        FROM pg_catalog.pg_attribute a
        LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
       (SELECT coalesce(json_agg(a.attname ORDER BY k.place), '[]')
        FROM pg_catalog.pg_index i CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE i.indrelid = c.oid AND i.indisprimary AND k.place <= i.indnkeyatts),
       (SELECT coalesce(json_agg(pg_get_indexdef(i.indexrelid)
                 || CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END), '[]')
        FROM pg_catalog.pg_index i
        WHERE i.indrelid = c.oid AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = c.oid)),
       (SELECT coalesce(json_agg(format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid))), '[]')
        FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('c', 'f', 'u', 'x')),
       CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
       obj_description(c.oid, 'pg_class'),
       json_build_object('name', format('%I.%I', n.nspname, c.relname), 'id', c.oid::text),
       ${TABLE_BEHAVIOUR}
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1)`;

/** One column, as the statement lists it. */
const ColumnSchema = z.tuple([
  z.string().describe('name'),
  z.string().describe('type'),
  z.boolean().describe('nullable'),
  z.string().nullable().describe('expression of its default, or of the column itself'),
  z.int().describe('position'),
  z.string().describe('generated: empty, s or v'),
  z.string().describe('identity: empty, a or d'),
  z.string().nullable().describe('collation, where it is not the default of its type'),
]);
const NamesSchema = z.array(z.string());
/** Columns, primary key, indexes, constraints, a view's definition, COMMENT ON TABLE, which table, its behaviour. */
const SchemaRowSchema = z.tuple([
  z.array(ColumnSchema),
  NamesSchema,
  NamesSchema,
  NamesSchema,
  z.string().nullable(),
  z.string().nullable(),
  z.strictObject({ name: z.string(), id: z.string() }),
  NamesSchema,
]);

export interface DescribedSchema {
  readonly state: SchemaState;
  /** COMMENT ON TABLE. */
  readonly comment: string;
}

export async function readPostgresSchema(session: PostgresSession, table: TableName): Promise<DescribedSchema> {
  const { rows } = await session.runPrepared(SCHEMA, [quoteTable(table)]);
  const row = rows[0];
  if (row === undefined) return { state: ABSENT, comment: '' };
  const [columns, primaryKey, indexes, constraints, view, comment, found, behaviour] = SchemaRowSchema.parse(row);
  const collations = columns.flatMap((column) => (column[7] === null ? [] : [`COLLATE ${column[7]} (${column[0]})`]));
  const viewText = view === null ? [] : [`VIEW ${view.trim().replace(/\s+/g, ' ')}`];
  return {
    state: {
      kind: 'schema',
      columns: columns.map(([name, type, nullable, expression, position, generated, identity]) => ({
        name,
        type,
        nullable,
        default: generated === '' ? expression : null,
        position,
        generated: generatedText(generated, identity, expression),
      })),
      primaryKey,
      indexes: indexes.sort(),
      constraints: [...constraints, ...collations, ...viewText].sort(),
      table: found,
      behaviour: behaviour.sort(),
    },
    comment: comment ?? '',
  };
}

function generatedText(generated: string, identity: string, expression: string | null): string | null {
  if (generated !== '') return `(${expression ?? ''}) ${generated === 's' ? 'STORED' : 'VIRTUAL'}`;
  if (identity === '') return null;
  return `${identity === 'a' ? 'ALWAYS' : 'BY DEFAULT'} AS IDENTITY`;
}
