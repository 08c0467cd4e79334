/** Puts a row back to what it was before the step. */
import { isByDatabase, uriOf, type RowChange } from '../../../model/record/effect.ts';
import { onlyColumns, type ResourceState } from '../../../model/record/world.ts';
import { isToPutBack } from './put-back.ts';
import type { RowSighting } from './row-sighting.ts';
import type { RunningInversion } from './running-inversion.ts';

/** `after`: what the step's record has of the row. */
export async function invertRow(
  inversion: RunningInversion,
  effect: RowChange,
  after: ResourceState,
  { whole, covered, writable }: RowSighting,
): Promise<void> {
  const { before } = effect;
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

function placeOf({ database, table, key }: RowChange): Pick<RowChange, 'database' | 'table' | 'key'> {
  return { database, table, key };
}
