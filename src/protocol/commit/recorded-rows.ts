/**
 * Rows that the record knows, in tables that raw statements, foreign keys and triggers may write: they are compared
 * before anything is changed, so that nothing is taken in that somebody else has changed, and read again after it.
 */
import type { DatabaseTransaction, Dialect } from '../../effects/database/database.ts';
import { hasReach, type Reach } from '../../effects/database/reach.ts';
import { isSameTable } from '../../effects/database/table-name.ts';
import { uriOf, type RowChange } from '../../model/record/effect.ts';
import type { ManifestEntry } from '../../model/record/manifest.ts';
import { parseResource, type Resource } from '../../model/record/resource.ts';
import { sameState, type RowState } from '../../model/record/world.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';

/** A recorded row as it was read now. */
export interface RecordedRow {
  readonly resource: string;
  readonly state: RowState;
  readonly isAsRecorded: boolean;
}

/** As much of a database's effect as says which rows it touches. */
export type TableChange = RowChange | { readonly kind: 'sql'; readonly writes: readonly string[] };

/** Where the record is looked up. */
export interface RecordedDatabase {
  readonly ledger: Ledger;
  readonly jobId: string;
  readonly name: string;
  readonly dialect: Dialect;
}

/** Tables that the effects name. */
export function tablesOf(effects: readonly TableChange[]): readonly string[] {
  return [...new Set(effects.flatMap((effect) => (effect.kind === 'sql' ? effect.writes : [effect.table])))];
}

/**
 * Of tables that statements write. Without rows that the effects name themselves: what those show is checked, and read
 * back, for each effect.
 */
export function recordedRows(
  { ledger, jobId, name }: RecordedDatabase,
  effects: readonly TableChange[],
): readonly ManifestEntry[] {
  const own = ownRows(effects);
  return [...statementTables(effects)]
    .flatMap((table) => ledger.recordedRows(jobId, name, table))
    .filter(({ resource }) => !own.has(resource));
}

/** Of other tables: rows that foreign keys or triggers may change. */
export function reachableRows(
  { ledger, jobId, name, dialect }: RecordedDatabase,
  effects: readonly TableChange[],
  reach: Reach,
): readonly ManifestEntry[] {
  if (!hasReach(reach)) return [];
  const { keys, acts } = reach;
  const own = ownRows(effects);
  const written = statementTables(effects);
  // What a trigger of PostgreSQL writes nobody can know; nor what else a statement writes than it names.
  const actsChange = written.size > 0 ? undefined : reach.actsChange;
  const mayActOn = (table: string): boolean =>
    acts.length > 0 && (actsChange?.some((one) => isSameTable(dialect, one, table)) ?? true);
  return ledger
    .recordedTables(jobId, name)
    .filter((table) => !written.has(table))
    .filter((table) => mayActOn(table) || keys.some((key) => isSameTable(dialect, key.table, table)))
    .flatMap((table) => ledger.recordedRows(jobId, name, table))
    .filter(({ resource }) => !own.has(resource));
}

function ownRows(effects: readonly TableChange[]): ReadonlySet<string | undefined> {
  return new Set(effects.map((effect) => (effect.kind === 'sql' ? undefined : uriOf(effect))));
}

function statementTables(effects: readonly TableChange[]): ReadonlySet<string> {
  return new Set(effects.flatMap((effect) => (effect.kind === 'sql' ? effect.writes : [])));
}

/** With the columns that the record covers, in the entries' order. */
export async function readRecorded(
  reader: Pick<DatabaseTransaction, 'rows'>,
  entries: readonly ManifestEntry[],
): Promise<readonly RecordedRow[]> {
  if (entries.length === 0) return [];
  const requests = entries.map(({ resource, state }) => {
    const { table, key } = parseResource(resource) as Extract<Resource, { kind: 'row' }>;
    return { table, key, columns: Object.keys(state.kind === 'row' ? state.columns : key) };
  });
  const states = await reader.rows(requests);
  return entries.map(({ resource, state }, place) => {
    const found = states[place]!;
    return { resource, state: found, isAsRecorded: sameState(found, state) };
  });
}
