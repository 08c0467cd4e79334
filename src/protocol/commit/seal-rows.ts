/** The effects on databases that an attempt has staged, in the order of staging, with the state before every row. */
import type { Effect, RowChange } from '../../model/record/effect.ts';
import { formatResource } from '../../model/record/resource.ts';
import { ABSENT, onlyColumns, type RowState } from '../../model/record/world.ts';
import type { Claim } from '../attempt/claim.ts';
import type { StagedRow } from '../attempt/staged-row.ts';
import type { EndedDraft } from './ended-draft.ts';
import { spelledAsFound } from './row-spelling.ts';

type RowDraft = Pick<EndedDraft, 'workspace' | 'settings' | 'claim' | 'stage'>;

/** @throws MustVerify, HoldfastError `storage-unreachable`, `same-target-twice`, … */
export async function stagedDatabaseEffects(draft: RowDraft): Promise<Effect[]> {
  const rows = await rowsBefore(draft);
  return draft.stage.changes.map((change) => {
    if (change.kind === 'sql') return change;
    const { row, before } = rows.get(change)!;
    return { ...row, columns: [...row.columns], before } satisfies RowChange;
  });
}

interface SeenRow {
  /** Under the key by which the database has it. */
  readonly row: StagedRow;
  readonly before: RowState;
}

/** Looks at all rows of a database in few statements, with the columns that the change and the record cover. */
async function rowsBefore({ workspace, settings, claim, stage }: RowDraft): Promise<Map<StagedRow, SeenRow>> {
  const seen = new Map<StagedRow, SeenRow>();
  const changes = stage.changes.filter((change) => change.kind !== 'sql');
  for (const [name, given] of Map.groupBy(changes, ({ database }) => database)) {
    const database = await workspace.database(name, settings);
    const unrecorded = new Set<string>();
    const look = (rows: readonly StagedRow[]): Promise<readonly RowState[]> =>
      database.rows(
        rows.map((row) => ({ table: row.table, key: row.key, columns: columnsToCompare(claim, row, unrecorded) })),
        // The step has observed the schema of every table that it changes: its transaction compares them, and the rows.
        { mayLean: true, expected: stage.mayLean ? rows.map((row) => expectedOf(claim, row)) : [] },
      );
    const found = await look(given);
    const rows = await spelledAsFound(database, given, found);
    // The record has a row under its own key alone: what it covers is known only now.
    const isRespelled = rows.some((row, place) => row !== given[place]);
    const states = isRespelled ? await look(rows) : found;
    rows.forEach((row, place) => {
      const state = states[place]!;
      // What a sibling has recorded of it since is found when the step is sealed.
      if (!unrecorded.has(resourceOf(row))) claim.mustBeAsRecorded(resourceOf(row), state);
      seen.set(given[place]!, { row, before: onlyColumns(state, row.columns) });
    });
  }
  return seen;
}

/**
 * What the row is as far as the step and the record know, in all columns that are compared; undefined: only a look
 * tells.
 */
function expectedOf(claim: Claim, row: StagedRow): RowState | undefined {
  const { kind, columns } = row;
  const recorded = claim.manifestEntry(resourceOf(row))?.state;
  if (recorded === undefined) return kind === 'row.insert' ? ABSENT : undefined;
  if (recorded.kind === 'absent') return recorded;
  if (recorded.kind !== 'row') return undefined;
  const covered = Object.keys(recorded.columns);
  return covered.length === columns.length && covered.every((column) => columns.includes(column))
    ? recorded
    : undefined;
}

/** Adds to `unrecorded` a row that the record does not know. */
function columnsToCompare(claim: Claim, change: StagedRow, unrecorded: Set<string>): string[] {
  const resource = resourceOf(change);
  const recorded = claim.manifestEntry(resource)?.state;
  if (recorded === undefined) unrecorded.add(resource);
  const recordedColumns = recorded?.kind === 'row' ? Object.keys(recorded.columns) : [];
  return [...new Set([...change.columns, ...recordedColumns])];
}

function resourceOf({ database, table, key }: StagedRow): string {
  return formatResource({ kind: 'row', database, table, key });
}
