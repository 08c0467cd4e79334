/**
 * Rows that the record knows, in tables that raw statements write: they are compared before a statement runs, so that
 * it takes in nothing that somebody else has changed, and read again after it.
 */
import type { DatabaseTransaction } from '../../effects/database/database.ts';
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
type TableChange = RowChange | { readonly kind: 'sql'; readonly writes: readonly string[] };

/** Without rows that the effects name themselves: what those show is checked, and read back, for each effect. */
export function recordedRows(
  ledger: Ledger,
  jobId: string,
  database: string,
  effects: readonly TableChange[],
): readonly ManifestEntry[] {
  const own = new Set(effects.map((effect) => (effect.kind === 'sql' ? undefined : uriOf(effect))));
  const tables = new Set(effects.flatMap((effect) => (effect.kind === 'sql' ? effect.writes : [])));
  return [...tables]
    .flatMap((table) => ledger.recordedRows(jobId, database, table))
    .filter(({ resource }) => !own.has(resource));
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
