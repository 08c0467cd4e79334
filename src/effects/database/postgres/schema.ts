/**
 * What PostgreSQL's catalog tells of tables: their shapes for building statements, their schemas for the record.
 *
 * Invariant: reading again gives the same text while nothing changed. A column's position is its attribute number,
 * which is never given again: a column dropped and added anew stands elsewhere, a renamed one stays.
 */
import type { Json } from '../../../model/canonical-json.ts';
import { ABSENT, type SchemaState } from '../../../model/record/world.ts';
import type { PostgresSession } from './session.ts';
import { encodePostgresArray } from './values.ts';
import { quoteTable, type ColumnShape, type TableName, type TableShape } from '../query-builder.ts';

const TEXT = { type: 'text', isJson: false } as const;

const SHAPES = `
SELECT (SELECT coalesce(json_agg(json_build_array(
                 a.attname, format_type(a.atttypid, -1), a.attgenerated <> '', a.attidentity = 'a',
                 coalesce(nullif(t.typbasetype, 0), nullif(t.typelem, 0), t.oid) IN (114, 3802))
                 ORDER BY a.attnum), '[]')
        FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = w.relation AND a.attnum > 0 AND NOT a.attisdropped),
       (SELECT coalesce(json_agg((SELECT json_agg(a.attname ORDER BY k.place)
                 FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                 WHERE k.place <= i.indnkeyatts) ORDER BY i.indisprimary DESC, i.indexrelid), '[]')
        FROM pg_catalog.pg_index i
        WHERE i.indrelid = w.relation AND i.indisunique AND i.indisvalid AND i.indimmediate
          AND i.indpred IS NULL AND i.indexprs IS NULL)
FROM (SELECT to_regclass(name) AS relation, place FROM unnest($1::text[]) WITH ORDINALITY AS n(name, place)) AS w
ORDER BY w.place`;

/** The shapes of tables, in order; undefined for one that is not there. One round trip. */
export async function readPostgresShapes(
  session: PostgresSession,
  tables: readonly TableName[],
): Promise<readonly (TableShape | undefined)[]> {
  const { rows } = await session.run(SHAPES, [encodePostgresArray(tables.map(quoteTable), TEXT)]);
  return tables.map((table, index) => {
    const [columns, keys] = rows[index] as unknown as [
      readonly [string, string, boolean, boolean, boolean][],
      readonly (readonly string[])[],
    ];
    // Every table has a column or is none that a row could be in.
    if (columns.length === 0) return undefined;
    return {
      table,
      dialect: 'postgres',
      columns: new Map(columns.map((column) => [column[0], columnShape(column)])),
      keys,
    };
  });
}

const SCHEMA = `
SELECT (SELECT coalesce(json_agg(json_build_array(
                 a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
                 a.attnum,
                 a.attgenerated, a.attidentity,
                 CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END)
                 ORDER BY a.attnum), '[]')
        FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
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
       obj_description(c.oid, 'pg_class')
FROM pg_catalog.pg_class c WHERE c.oid = to_regclass($1)`;

export interface DescribedSchema {
  readonly state: SchemaState;
  /** COMMENT ON TABLE. */
  readonly comment: string;
}

export async function readPostgresSchema(session: PostgresSession, table: TableName): Promise<DescribedSchema> {
  const { rows } = await session.run(SCHEMA, [quoteTable(table)]);
  const row = rows[0];
  if (row === undefined) return { state: ABSENT, comment: '' };
  const [columns, primaryKey, indexes, constraints, view, comment] = row as unknown as [
    readonly ColumnRow[],
    string[],
    string[],
    string[],
    string | null,
    string | null,
  ];
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
    },
    comment: comment ?? '',
  };
}

type ColumnRow = readonly [
  name: string,
  type: string,
  nullable: boolean,
  expression: string | null,
  position: number,
  generated: string,
  identity: string,
  collation: string | null,
];

function columnShape([name, type, isGenerated, isAlwaysIdentity, isJson]: readonly [
  string,
  string,
  boolean,
  boolean,
  boolean,
]): ColumnShape {
  return { name, type, isJson, keepsReal: false, isGenerated, isAlwaysIdentity };
}

function generatedText(generated: string, identity: string, expression: string | null): string | null {
  if (generated !== '') return `(${expression ?? ''}) ${generated === 's' ? 'STORED' : 'VIRTUAL'}`;
  if (identity === '') return null;
  return `${identity === 'a' ? 'ALWAYS' : 'BY DEFAULT'} AS IDENTITY`;
}

/** Tables that the transaction has locked, and so read: views resolved, partitions and what functions read included. */
export const TABLES_READ = `
SELECT CASE WHEN pg_table_is_visible(c.oid) THEN NULL ELSE n.nspname::text END, c.relname::text
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_class c ON c.oid = l.relation
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation'
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
  AND c.relkind IN ('r', 'p', 'f', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY 1 NULLS FIRST, 2`;

/** Rows of TABLES_READ as names. */
export function tablesRead(rows: readonly (readonly Json[])[]): readonly TableName[] {
  const names = new Map(
    rows.map(([schema, name]) => [
      JSON.stringify([schema, name]),
      { schema: schema === null ? undefined : String(schema), name: String(name) },
    ]),
  );
  return [...names.values()];
}
