/**
 * Many changes to rows in few round trips and statements.
 *
 * Invariants
 * 1. What comes of it is what comes of the changes one by one, in their order. Inserts and upserts of one table share a
 *    statement only where nothing can tell: a plain table, without triggers of its own and without rules.
 * 2. A statement's parameters and the statements that wait for an answer are bounded.
 */
import type { RowChange } from '../../../model/record/effect.ts';
import { isFailure } from '../../../model/failure.ts';
import { settleAll } from './rows.ts';
import type { PostgresSession } from './session.ts';
import { encodePostgres } from './values.ts';
import { quoteTable } from '../table-name.ts';
import type { TableShape } from '../table-shape.ts';
import {
  isMissing,
  missingRow,
  parseTargetTable,
  rowChangesStatement,
  rowChangeStatement,
  type BoundStatement,
  unknownTable,
} from '../row-statement.ts';

/** For fewer it does not pay to look what the table is. */
const MIN_ROWS_TOGETHER = 10;
const MAX_ROWS_TOGETHER = 500;
/** The protocol counts parameters with 16 bits. */
const MAX_PARAMETERS = 65_535;
const MAX_IN_FLIGHT = 1_000;

export interface BulkOptions {
  readonly database: string;
  readonly session: PostgresSession;
  /** Of every table that is changed and is there. */
  readonly shapes: ReadonlyMap<string, TableShape>;
}

/** So few that `applyRowChanges` has sent all of them when it returns: other statements may be sent behind them. */
export function isSentAtOnce(changes: readonly RowChange[]): boolean {
  return changes.length < MIN_ROWS_TOGETHER;
}

/** Returns the changes whose statement has changed no row. @throws HoldfastError `unknown-table`, `bad-input`, … */
export async function applyRowChanges(
  options: BulkOptions,
  changes: readonly RowChange[],
): Promise<readonly RowChange[]> {
  changes.forEach(({ table }) => parseTargetTable('postgres', table));
  const unmade: RowChange[] = [];
  const plain = new Map<string, boolean>();
  let single: RowChange[] = [];
  for (const run of runsOf(changes)) {
    const { table, kind } = run[0]!;
    const isMany = run.length >= MIN_ROWS_TOGETHER && (kind === 'row.insert' || kind === 'row.upsert');
    if (isMany && !plain.has(table)) plain.set(table, await isPlain(options, table));
    if (!isMany || plain.get(table) !== true) {
      for (const change of run) single.push(change);
      continue;
    }
    unmade.push(...(await oneByOne(options, single)));
    single = [];
    await together(options, run);
  }
  unmade.push(...(await oneByOne(options, single)));
  return unmade;
}

function shapeOf({ database, shapes }: BulkOptions, table: string): TableShape {
  const shape = shapes.get(table);
  if (shape === undefined) throw unknownTable(database, table);
  return shape;
}

/** In order: neighbours that one statement could make, and the rest. */
function runsOf(changes: readonly RowChange[]): readonly (readonly RowChange[])[] {
  const runs: RowChange[][] = [];
  let last: string | undefined;
  for (const change of changes) {
    const key =
      change.kind === 'row.insert' || change.kind === 'row.upsert'
        ? JSON.stringify([change.kind, change.table, Object.keys(change.key), Object.keys(change.values)])
        : '';
    if (key === last) runs.at(-1)!.push(change);
    else runs.push([change]);
    last = key;
  }
  return runs;
}

/** Read in the transaction itself: what is shared between transactions may be out of date. */
async function isPlain(options: BulkOptions, table: string): Promise<boolean> {
  const { rows } = await options.session.run(
    `SELECT c.relkind = 'r' AND NOT c.relhasrules
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
     FROM pg_catalog.pg_class c WHERE c.oid = to_regclass($1)`,
    [quoteTable(shapeOf(options, table).table)],
  );
  return rows[0]?.[0] === true;
}

/**
 * All are sent before the first answers. One that fails lets the server refuse those after it; its own failure is the
 * one that is thrown.
 */
async function oneByOne(options: BulkOptions, changes: readonly RowChange[]): Promise<readonly RowChange[]> {
  const { database, session } = options;
  const unmade: RowChange[] = [];
  for (let start = 0; start < changes.length; start += MAX_IN_FLIGHT) {
    const part = changes.slice(start, start + MAX_IN_FLIGHT);
    const statements = part.map((change) => rowChangeStatement(shapeOf(options, change.table), change));
    const counts = await settleAll(statements.map((statement) => runBound(session, statement)));
    const nothing = part.filter((_change, place) => counts[place] === 0);
    const missing = nothing.find(isMissing);
    if (missing !== undefined) throw missingRow(database, missing);
    unmade.push(...nothing);
  }
  return unmade;
}

async function together(options: BulkOptions, changes: readonly RowChange[]): Promise<void> {
  const { session } = options;
  const first = changes[0]!;
  const width = new Set([...Object.keys(first.key), ...Object.keys(first.values)]).size;
  const size = Math.max(1, Math.min(MAX_ROWS_TOGETHER, Math.floor(MAX_PARAMETERS / width)));
  for (let start = 0; start < changes.length; start += size) {
    const part = changes.slice(start, start + size);
    const statement = rowChangesStatement(shapeOf(options, first.table), part);
    if (first.kind === 'row.insert') await runBound(session, statement);
    else await upsertTogether(options, part, statement);
  }
}

/**
 * Keys that the database takes for one (citext, char, a collation) can't share a statement: the later sets what the
 * earlier has inserted.
 */
async function upsertTogether(
  options: BulkOptions,
  changes: readonly RowChange[],
  statement: BoundStatement,
): Promise<void> {
  const { session } = options;
  await session.fixed('SAVEPOINT holdfast_rows');
  try {
    await runBound(session, statement);
    await session.fixed('RELEASE SAVEPOINT holdfast_rows');
  } catch (error) {
    if (!isFailure(error, 'sql-failed') || error.details['sqlState'] !== CARDINALITY_VIOLATION) throw error;
    await session.fixed('ROLLBACK TO SAVEPOINT holdfast_rows; RELEASE SAVEPOINT holdfast_rows');
    await oneByOne(options, changes);
  }
}

/** "ON CONFLICT DO UPDATE command cannot affect row a second time" */
const CARDINALITY_VIOLATION = '21000';

/** @returns how many rows changed */
export async function runBound(session: PostgresSession, { text, parameters }: BoundStatement): Promise<number> {
  return (
    await session.run(
      text,
      parameters.map(({ value, column }) => encodePostgres(value, column)),
    )
  ).count;
}
