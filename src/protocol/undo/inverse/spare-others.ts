/**
 * What an inverse would take along of somebody else: a row stays where a person wants to keep what refers to it.
 *
 * Invariant: no row that the job has not put there is deleted or changed by a foreign key before a person has seen it.
 */
import { isSameTable } from '../../../effects/database/table-name.ts';
import { uriOf, type RowChange } from '../../../model/record/effect.ts';
import { sameState } from '../../../model/record/world.ts';
import { isAsRecorded, othersTakenAlong, type OthersSite } from '../../commit/others-rows.ts';
import type { TakenAlong, WatchedRow } from '../../commit/watched-rows.ts';
import { takenAlongFinding } from '../../question/undo.ts';
import type { RunningInversion } from './running-inversion.ts';
import type { UndoTarget } from './inverse.ts';

/** @throws HoldfastError `storage-unreachable` and what else may pass */
export async function spareOthers(inversion: RunningInversion): Promise<void> {
  const asked = new Map<string, { readonly row: WatchedRow; readonly changes: RowChange[] }>();
  const rows = inversion.changes.filter((change): change is RowChange => change.kind !== 'sql');
  for (const [name, group] of Map.groupBy(rows, ({ database }) => database))
    for (const [change, others] of await othersTakenAlong(await siteOf(inversion, name, group), group))
      for (const row of unanswered(inversion, change, others)) {
        const known = asked.get(row.resource);
        if (known === undefined) asked.set(row.resource, { row, changes: [change] });
        else known.changes.push(change);
      }
  for (const { row, changes } of asked.values())
    inversion.findings.push(
      takenAlongFinding(
        row,
        changes.map((change) => uriOf(change)!),
      ),
    );
}

async function siteOf(inversion: RunningInversion, name: string, changes: readonly RowChange[]): Promise<OthersSite> {
  const { workspace, settings, record, known } = inversion.target;
  const database = await workspace.database(name, settings);
  const tables = [...new Set(changes.map(({ table }) => table))];
  const { dialect } = database;
  const statements = statementTables(inversion, name);
  return {
    name,
    dialect,
    reader: database,
    reach: await database.reach(tables),
    spellings: [...known.recordedTables(name), ...tables],
    isOwn: (row) => {
      if (inversion.isCompensated(row.resource) || isNamedBy(inversion.target, row)) return true;
      // A statement that is undone before has put them there, or removes them: nobody can tell which.
      if (statements.some((table) => isSameTable(dialect, table, row.table))) return true;
      const entry = known.manifestEntry(row.resource);
      // What later steps have written and is there still was left on purpose.
      return entry?.role === 'written' && entry.seq <= record.seq && isAsRecorded(row, entry);
    },
  };
}

/** Has a trigger put it there with the step's own changes? */
function isNamedBy({ record }: UndoTarget, { resource }: WatchedRow): boolean {
  return (record.unrecorded ?? []).some(({ what }) => what.includes(resource));
}

/** Tables that statements write before rows are put back. */
function statementTables({ changes, target }: RunningInversion, name: string): readonly string[] {
  return [...changes, ...target.stage.changes].flatMap((change) =>
    change.kind === 'sql' && change.database === name ? change.writes : [],
  );
}

/** The rows that a person must see; where the change is given up, none. */
function unanswered(
  inversion: RunningInversion,
  change: RowChange,
  { rows, beyond }: TakenAlong,
): readonly WatchedRow[] {
  const resource = uriOf(change)!;
  const uncounted = beyond[0];
  if (uncounted !== undefined) {
    keep(inversion, change, `${uncounted.what} would go along with it (${uncounted.why})`);
    return [];
  }
  const ruled = rows.map((row) => ({ row, ruling: rulingOn(inversion.target, row) }));
  const skipped = ruled.find(({ ruling }) => ruling?.answer === 'skip');
  if (skipped !== undefined) {
    const { by, reason } = skipped.ruling!;
    keep(inversion, change, `${skipped.row.resource} would go along with it, and stays, as ${by} decided: ${reason}`);
    return [];
  }
  for (const { row, ruling } of ruled)
    if (ruling !== undefined)
      inversion.notes.push(`${row.resource}: goes along with ${resource}, as ${ruling.by} decided: ${ruling.reason}`);
  return ruled.filter(({ ruling }) => ruling === undefined).map(({ row }) => row);
}

function rulingOn(
  { rulings, token }: UndoTarget,
  { resource, before }: WatchedRow,
): UndoTarget['rulings'][number] | undefined {
  return rulings.find(
    (one) =>
      one.resource === resource &&
      one.found !== null &&
      sameState(one.found, before) &&
      (one.answer === 'skip' || one.token === token),
  );
}

function keep(inversion: RunningInversion, change: RowChange, why: string): void {
  const resource = uriOf(change)!;
  inversion.withdraw(change);
  inversion.leave(resource, why);
  inversion.settle('accepted', resource, change.before);
}
