/**
 * Rows that the record knows, in tables that raw statements write: they are compared before a statement runs, so that it
 * takes in nothing that somebody else has changed, and read again after it.
 */
import type { DatabaseTransaction } from '../../effects/database/database.ts';
import { resourceOfEffect, type DatabaseEffect, type RowChange } from '../../model/record/effect.ts';
import type { ManifestEntry } from '../../model/record/manifest.ts';
import { formatResource, parseResource, type Resource } from '../../model/record/resource.ts';
import { sameState, type RowState } from '../../model/record/world.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';

/** Rows that the record knows of tables that raw statements name: what the statements make of them is theirs, no drift. */
export function recordedRows(
  ledger: Ledger,
  jobId: string,
  database: string,
  effects: readonly (Pick<DatabaseEffect, 'kind'> & { readonly writes?: readonly string[] })[],
): readonly ManifestEntry[] {
  const own = new Set(
    effects.flatMap((effect) => ('key' in effect ? [formatResource(resourceOfEffect(effect as RowChange)!)] : [])),
  );
  const tables = new Set(effects.flatMap(({ writes }) => writes ?? []));
  return [...tables]
    .flatMap((table) => ledger.recordedRows(jobId, database, table))
    .filter(({ resource }) => !own.has(resource));
}

export async function readRecorded(
  transaction: Pick<DatabaseTransaction, 'rows'>,
  entries: readonly ManifestEntry[],
): Promise<readonly { readonly resource: string; readonly state: RowState; readonly isAsRecorded: boolean }[]> {
  if (entries.length === 0) return [];
  const requests = entries.map(({ resource, state }) => {
    const { table, key } = parseResource(resource) as Extract<Resource, { kind: 'row' }>;
    return { table, key, columns: Object.keys(state.kind === 'row' ? state.columns : key) };
  });
  const states = await transaction.rows(requests);
  return entries.map(({ resource, state }, place) => ({
    resource,
    state: states[place]!,
    isAsRecorded: sameState(states[place]!, state),
  }));
}
