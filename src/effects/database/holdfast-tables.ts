/**
 * The two tables that Holdfast has in a user's database: one row a step that committed, one row a job.
 *
 * Invariants
 * 1. A table of our name is used only if its columns and key are ours; else it is `foreign`, said so, and not touched.
 * 2. Each table carries a mark with the version of its form (SQLite: a comment inside CREATE TABLE, which SQLite
 *    stores; PostgreSQL: COMMENT ON). A version newer than this code's is refused; an older one would be migrated
 *    here.
 */
import { HoldfastError } from '../../model/failure.ts';
import type { SchemaState } from '../../model/record/world.ts';
import type { Dialect, TablePlace } from './database.ts';
import type { HOLDFAST_TABLES } from './table-name.ts';

export const HOLDFAST_TABLES_VERSION = 1;

export type HoldfastTable = (typeof HOLDFAST_TABLES)[number];

/** Stands for the identifier of a SQLite file until Holdfast's tables, and with them its mark, are made there. */
export const UNMARKED = 'unmarked';

const COLUMNS: Readonly<Record<HoldfastTable, readonly string[]>> = {
  holdfast_token: ['token', 'job_id', 'intent', 'rows', 'committed_at'],
  holdfast_fence: ['job_id', 'term', 'last_token'],
};
const KEYS: Readonly<Record<HoldfastTable, string>> = { holdfast_token: 'token', holdfast_fence: 'job_id' };

const MARK = /holdfast tables version (\d+)(?:, database ([0-9a-f-]{36}))?/;

/** The mark's text. `databaseId`: given to SQLite files, which have no identifier of their own. */
export function holdfastMark(databaseId?: string): string {
  const owner = databaseId === undefined ? '' : `, database ${databaseId}`;
  return `holdfast tables version ${HOLDFAST_TABLES_VERSION}${owner}`;
}

/** Why Holdfast's tables are not found though they are there. */
export function strayTableText({ name, isUsable, searchPath }: TablePlace): string {
  const why = isUsable ? `the search_path (${searchPath}) does not lead there` : 'this role may not use its schema';
  return `the job's own table is ${name}, and ${why}`;
}

/** What a mark says; undefined if there is none. */
export function readHoldfastMark(
  text: string,
): { readonly version: number; readonly databaseId: string | undefined } | undefined {
  const match = MARK.exec(text);
  return match === null ? undefined : { version: Number(match[1]), databaseId: match[2] };
}

/**
 * Whether the table is there and ours.
 * @throws HoldfastError `sql-failed` with `details.foreign` if it is another table of that name or of a newer Holdfast.
 */
export function hasHoldfastTable(
  database: string,
  table: HoldfastTable,
  found: SchemaState,
  markText: string,
): boolean {
  if (found.kind === 'absent') return false;
  const names = found.columns.map((column) => column.name);
  const missing = COLUMNS[table].filter((column) => !names.includes(column));
  const isKeyed = found.primaryKey.length === 1 && found.primaryKey[0] === KEYS[table];
  if (missing.length > 0 || !isKeyed) {
    const problem =
      missing.length > 0
        ? `has no column ${missing.join(', ')}`
        : `has the primary key (${found.primaryKey.join(', ')}) where (${KEYS[table]}) was expected`;
    throw foreignTable(
      database,
      table,
      `it ${problem}; found the columns ${names.join(', ')}. Rename it, or use another database or schema`,
    );
  }
  const version = readHoldfastMark(markText)?.version ?? HOLDFAST_TABLES_VERSION;
  if (version > HOLDFAST_TABLES_VERSION) {
    throw foreignTable(
      database,
      table,
      `a newer Holdfast made it (version ${version}; this one knows ${HOLDFAST_TABLES_VERSION}). Update Holdfast`,
    );
  }
  return true;
}

/** The statements that create one of the tables, in order. Run them in one transaction, where it is not there. */
export function createHoldfastTable(dialect: Dialect, table: HoldfastTable, mark: string): readonly string[] {
  const comment = dialect === 'sqlite' ? ` /* ${mark} */` : '';
  const [integer, time] =
    dialect === 'sqlite'
      ? ['integer', "text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))"]
      : ['bigint', 'timestamptz NOT NULL DEFAULT now()'];
  const commentOn = dialect === 'sqlite' ? [] : [`COMMENT ON TABLE ${table} IS '${mark}'`];
  if (table === 'holdfast_fence') {
    return [
      `CREATE TABLE holdfast_fence (${comment} job_id text NOT NULL PRIMARY KEY, ` +
        `term ${integer} NOT NULL, last_token text)`,
      ...commentOn,
    ];
  }
  return [
    `CREATE TABLE holdfast_token (${comment} token text NOT NULL PRIMARY KEY, job_id text NOT NULL, ` +
      `intent text NOT NULL, "rows" text NOT NULL DEFAULT '', committed_at ${time})`,
    'CREATE INDEX IF NOT EXISTS holdfast_token_job_id ON holdfast_token (job_id)',
    ...commentOn,
  ];
}

function foreignTable(database: string, table: string, problem: string): HoldfastError {
  return new HoldfastError(
    'sql-failed',
    `Database ${database} has a table "${table}" that Holdfast cannot use: ${problem}. It was left as it is.`,
    { database, table, foreign: true },
  );
}
