/** The effects on databases that an attempt has staged, in the order of staging, with the state before every row. */
import type { Effect, RowChange } from '../../model/record/effect.ts';
import { formatResource } from '../../model/record/resource.ts';
import { onlyColumns, type RowState } from '../../model/record/world.ts';
import type { Claim } from '../attempt/claim.ts';
import type { StagedRow } from '../attempt/staged-row.ts';
import type { EndedDraft } from './ended-draft.ts';

type RowDraft = Pick<EndedDraft, 'workspace' | 'settings' | 'claim' | 'stage'>;

/** @throws MustVerify, HoldfastError `storage-unreachable`, … */
export async function stagedDatabaseEffects(draft: RowDraft): Promise<Effect[]> {
  const befores = await rowsBefore(draft);
  return draft.stage.changes.map((change) => {
    if (change.kind === 'sql') return change;
    const before = befores.get(change)!;
    return { ...change, columns: [...change.columns], before } satisfies RowChange;
  });
}

/** Looks at all rows of a database in few statements, with the columns that the change and the record cover. */
async function rowsBefore({ workspace, settings, claim, stage }: RowDraft): Promise<Map<StagedRow, RowState>> {
  const befores = new Map<StagedRow, RowState>();
  const rows = stage.changes.filter((change) => change.kind !== 'sql');
  for (const [name, changes] of Map.groupBy(rows, ({ database }) => database)) {
    const database = await workspace.database(name, settings);
    const states = await database.rows(
      changes.map((change) => ({ table: change.table, key: change.key, columns: columnsToCompare(claim, change) })),
    );
    changes.forEach((change, place) => {
      const state = states[place]!;
      claim.mustBeAsRecorded(resourceOf(change), state);
      befores.set(change, onlyColumns(state, change.columns));
    });
  }
  return befores;
}

function columnsToCompare(claim: Claim, change: StagedRow): string[] {
  const recorded = claim.manifestEntry(resourceOf(change))?.state;
  const recordedColumns = recorded?.kind === 'row' ? Object.keys(recorded.columns) : [];
  return [...new Set([...change.columns, ...recordedColumns])];
}

function resourceOf({ database, table, key }: StagedRow): string {
  return formatResource({ kind: 'row', database, table, key });
}
