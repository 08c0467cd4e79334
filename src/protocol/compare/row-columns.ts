/** Which columns of a row to look at: those that a record or an effect covers. */
import { uriOf } from '../../model/record/effect.ts';
import type { StepRecord } from '../../model/record/record.ts';
import type { ResourceState } from '../../model/record/world.ts';

/** Of a row that is being inserted or deleted, one of the two states says which columns to look at. */
export function columnsOf(acceptable: readonly ResourceState[]): ResourceState | undefined {
  return acceptable.find(({ kind }) => kind === 'row') ?? acceptable[0];
}

/** A row state with the columns of a step's effect on the row, to look at the row again; its values are null. */
export function rowColumnsOf(record: StepRecord, resource: string): ResourceState | undefined {
  const applied = record.effects.find(({ effect }) => uriOf(effect) === resource);
  if (applied === undefined || !('table' in applied.effect)) return undefined;
  const { effect, after } = applied;
  const columns = after.kind === 'row' ? Object.keys(after.columns) : effect.columns;
  return { kind: 'row', columns: Object.fromEntries(columns.map((column) => [column, null])) };
}
