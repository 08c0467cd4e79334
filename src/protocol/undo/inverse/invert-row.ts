/** Puts a row back to what it was before the step. */
import { isByDatabase, uriOf, type RowChange } from '../../../model/record/effect.ts';
import { onlyColumns, type ResourceState } from '../../../model/record/world.ts';
import { hiddenRowFinding } from '../../question/undo.ts';
import { isToPutBack } from './put-back.ts';
import type { RowSighting } from './row-sighting.ts';
import type { RunningInversion } from './running-inversion.ts';

/** `after`: what the step's record has of the row. */
export async function invertRow(
  inversion: RunningInversion,
  effect: RowChange,
  after: ResourceState,
  { whole, covered, writable, isHidden }: RowSighting,
): Promise<void> {
  const { before } = effect;
  if (isHidden) return leaveOrAsk(inversion, uriOf(effect)!, after);
  const found = onlyColumns(whole, covered);
  if (!(await isToPutBack(inversion, { resource: uriOf(effect)!, before, after, found }))) return;
  if (before.kind === 'absent') {
    const columns = whole.kind === 'row' ? Object.keys(whole.columns).sort() : [...covered];
    inversion.changes.push({ ...placeOf(effect), kind: 'row.delete', values: {}, columns, before: whole });
    return;
  }
  const values = Object.fromEntries(
    Object.entries(before.columns).filter(([column]) => !(column in effect.key) && writable.includes(column)),
  );
  // Of the row nothing but its key is covered: then nothing of it was changed.
  if (found.kind === 'row' && Object.keys(values).length === 0) return;
  const kind = kindOf(effect, found.kind === 'absent');
  const columns = [...new Set([...Object.keys(effect.key), ...Object.keys(before.columns)])].sort();
  inversion.changes.push({ ...placeOf(effect), kind, values, columns, before: onlyColumns(whole, columns) });
}

/** What a trigger may have put back, or taken away, by then is put back whole. */
function kindOf(effect: RowChange, isAbsent: boolean): RowChange['kind'] {
  if (isByDatabase(effect)) return 'row.upsert';
  return isAbsent ? 'row.insert' : 'row.update';
}

/** Gone or hidden cannot be told: neither is it undone already, nor can it be put back. */
function leaveOrAsk(inversion: RunningInversion, resource: string, after: ResourceState): void {
  const { record, rulings } = inversion.target;
  const ruling = rulings.find((one) => one.resource === resource && one.answer === 'skip');
  if (ruling === undefined) inversion.findings.push(hiddenRowFinding(record, resource, after));
  else inversion.leave(resource, `it could not be read, and stays as it is, as ${ruling.by} decided: ${ruling.reason}`);
}

function placeOf({ database, table, key }: RowChange): Pick<RowChange, 'database' | 'table' | 'key'> {
  return { database, table, key };
}
