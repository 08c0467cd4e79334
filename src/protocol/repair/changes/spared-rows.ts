/** Rows that a decision doesn't take back, since rows that others have put under them would go along, unseen. */
import { isSameTable } from '../../../effects/database/table-name.ts';
import { uriOf, type RowChange } from '../../../model/record/effect.ts';
import { isAsRecorded, othersTakenAlong, type OthersSite } from '../../commit/others-rows.ts';
import type { RecordedDatabase } from '../../commit/recorded-rows.ts';
import type { RowReset, StatementUndo } from '../running/database-changes.ts';
import type { RunningRepair } from '../running/running-repair.ts';

/** Why they stay, by their resource. */
export type SparedRows = ReadonlyMap<string, string>;

export type SparingSite = RecordedDatabase & Pick<OthersSite, 'reader' | 'reach'>;

/** Reads only. `changes`: what is to be taken back in this database. */
export async function rowsToSpare(
  repair: RunningRepair,
  { ledger, jobId, ...site }: SparingSite,
  changes: readonly (RowReset | StatementUndo)[],
): Promise<SparedRows> {
  // What a statement has put there is removed by its own undo.
  const statements = changes.flatMap((one) => ('wanted' in one ? [] : one.writes));
  const isOwn: OthersSite['isOwn'] = (row) => {
    if (statements.some((table) => isSameTable(site.dialect, table, row.table))) return true;
    const entry = ledger.manifestEntry(jobId, row.resource);
    if (entry?.role !== 'written' || entry.stepId === undefined) return false;
    return repair.rerunsStep(entry.stepId) && isAsRecorded(row, entry);
  };
  const spellings = ledger.recordedTables(jobId, site.name);
  const resets = changes.flatMap((one) => ('wanted' in one ? [changeOf(one)] : []));
  const others = await othersTakenAlong({ ...site, spellings, isOwn }, resets);
  return new Map(
    [...others].map(([change, { rows, beyond }]) => {
      const first = rows[0]?.resource ?? beyond[0]?.what;
      return [uriOf(change)!, `${first} would go along with it, and is not of a step that runs again`] as const;
    }),
  );
}

function changeOf({ database, table, key, shown, wanted }: RowReset): RowChange {
  const columns = Object.keys(shown.kind === 'row' ? shown.columns : key);
  const place = { database, table, key, columns, before: shown };
  if (wanted.kind === 'absent') return { ...place, kind: 'row.delete', values: {} };
  return { ...place, kind: 'row.update', values: wanted.columns };
}
