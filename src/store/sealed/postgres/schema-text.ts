/** The tables of a store in PostgreSQL, as SQL: how they are made, how they must be, what a role needs of them. */

/** An identifier as SQL has it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** What makes each version of the one before it, from the first. The schema itself is there already. */
export const MIGRATIONS: readonly ((schema: string) => readonly string[])[] = [
  (schema) => [
    `CREATE TABLE ${schema}.migration (version integer PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())`,
    `CREATE TABLE ${schema}.generation (
       series text COLLATE "C" NOT NULL, generation bigint NOT NULL, writer text NOT NULL,
       at timestamptz NOT NULL DEFAULT now(), sealed bytea NOT NULL, PRIMARY KEY (series, generation))`,
    // It is compressed already.
    `ALTER TABLE ${schema}.generation ALTER COLUMN sealed SET STORAGE EXTERNAL`,
    `CREATE TABLE ${schema}.set_aside (
       id text PRIMARY KEY, series text NOT NULL, generation bigint NOT NULL, writer text NOT NULL,
       at timestamptz NOT NULL, sealed bytea NOT NULL, why text NOT NULL,
       set_aside_at timestamptz NOT NULL DEFAULT now())`,
    `CREATE TABLE ${schema}.blob (
       content text COLLATE "C" PRIMARY KEY, upload text NOT NULL, size bigint NOT NULL,
       at timestamptz NOT NULL DEFAULT now())`,
    `CREATE TABLE ${schema}.blob_piece (
       upload text COLLATE "C" NOT NULL, piece integer NOT NULL, bytes bytea NOT NULL, PRIMARY KEY (upload, piece))`,
    `CREATE TABLE ${schema}.blob_aside (
       upload text PRIMARY KEY, content text NOT NULL, why text NOT NULL, at timestamptz NOT NULL DEFAULT now())`,
  ],
];

/** By version: every line that `SHAPE` must tell of the schema, and none else. */
export const SHAPES: readonly (readonly string[])[] = [
  [],
  [
    ...table('migration', 'PRIMARY KEY (version)', ['version integer', 'at timestamp with time zone = now()']),
    ...table('generation', 'PRIMARY KEY (series, generation)', [
      'series text COLLATE "C"',
      'generation bigint',
      'writer text',
      'at timestamp with time zone = now()',
      'sealed bytea',
    ]),
    ...table('set_aside', 'PRIMARY KEY (id)', [
      'id text',
      'series text',
      'generation bigint',
      'writer text',
      'at timestamp with time zone',
      'sealed bytea',
      'why text',
      'set_aside_at timestamp with time zone = now()',
    ]),
    ...table('blob', 'PRIMARY KEY (content)', [
      'content text COLLATE "C"',
      'upload text',
      'size bigint',
      'at timestamp with time zone = now()',
    ]),
    ...table('blob_piece', 'PRIMARY KEY (upload, piece)', ['upload text COLLATE "C"', 'piece integer', 'bytes bytea']),
    ...table('blob_aside', 'PRIMARY KEY (upload)', [
      'upload text',
      'content text',
      'why text',
      'at timestamp with time zone = now()',
    ]),
  ],
];

function table(name: string, key: string, columns: readonly string[]): readonly string[] {
  return [`${name}: table`, `${name}: ${key}`, ...columns.map((column) => `${name}.${column} not null`)];
}

/**
 * Everything in a schema ($1) that changes what a statement on its tables does, one line each: tables that lose their
 * rows in a crash, row security, triggers and rules besides columns and keys.
 */
export const SHAPE = `
WITH r AS (SELECT c.* FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f'))
SELECT relname || ': ' || CASE relpersistence WHEN 'u' THEN 'unlogged ' ELSE '' END
       || CASE relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'f' THEN 'foreign table'
                       ELSE 'view' END
FROM r
UNION ALL
SELECT r.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
       || CASE WHEN l.collname IS NULL OR l.collname = 'default' THEN '' ELSE ' COLLATE ' || quote_ident(l.collname) END
       || coalesce(' = ' || pg_get_expr(d.adbin, d.adrelid), '') || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
FROM r JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
UNION ALL
SELECT r.relname || ': ' || pg_get_constraintdef(k.oid)
FROM r JOIN pg_catalog.pg_constraint k ON k.conrelid = r.oid AND k.contype <> 'n'
UNION ALL
SELECT r.relname || ': row level security' FROM r WHERE r.relrowsecurity
UNION ALL
SELECT r.relname || ': trigger ' || g.tgname
FROM r JOIN pg_catalog.pg_trigger g ON g.tgrelid = r.oid AND NOT g.tgisinternal
UNION ALL
SELECT r.relname || ': rule ' || w.rulename
FROM r JOIN pg_catalog.pg_rewrite w ON w.ev_class = r.oid AND w.rulename <> '_RETURN'`;

/** What a role needs: of each table of the schema. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  migration: ['SELECT'],
  generation: ['SELECT', 'INSERT', 'DELETE'],
  set_aside: ['SELECT', 'INSERT'],
  blob: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  blob_piece: ['SELECT', 'INSERT', 'DELETE'],
  blob_aside: ['INSERT'],
};
const NEEDS = Object.entries(NEEDED)
  .flatMap(([name, privileges]) => privileges.map((privilege) => `('${name}', '${privilege}')`))
  .join(', ');

/** The role, and what it lacks of a schema ($1), as GRANT names it; one row with the role alone where nothing. */
export const PRIVILEGES = `
SELECT current_user::text, NULL
UNION ALL
SELECT current_user::text, format('CREATE ON DATABASE %I', current_database())
WHERE to_regnamespace(quote_ident($1)) IS NULL AND NOT has_database_privilege(current_database(), 'CREATE')
UNION ALL
SELECT current_user::text, format('%s ON SCHEMA %I', p, $1)
FROM unnest(ARRAY['USAGE'] || CASE WHEN EXISTS (
  SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = to_regnamespace(quote_ident($1)))
  THEN ARRAY[]::text[] ELSE ARRAY['CREATE'] END) AS p
WHERE to_regnamespace(quote_ident($1)) IS NOT NULL
  AND NOT has_schema_privilege(to_regnamespace(quote_ident($1)), p)
UNION ALL
SELECT current_user::text, format('%s ON %I.%I', n.p, $1, c.relname)
FROM (VALUES ${NEEDS}) AS n(t, p) JOIN pg_catalog.pg_class c
  ON c.relname = n.t AND c.relnamespace = to_regnamespace(quote_ident($1))
WHERE NOT has_table_privilege(c.oid, n.p)`;
