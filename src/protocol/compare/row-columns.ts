/** Which columns of a row to look at: those that a record or an effect covers. */
import { resourceOfEffect, uriOf, type RowChange } from '../../model/record/effect.ts';
import type { StepRecord } from '../../model/record/record.ts';
import type { ResourceState } from '../../model/record/world.ts';

/** Of a row that is being inserted or deleted, one of the two states says which columns to look at. */
export function columnsOf(acceptable: readonly ResourceState[]): ResourceState | undefined {
  return acceptable.find(({ kind }) => kind === 'row') ?? acceptable[0];
}

/** The state that a finding is about has the columns of the effect: by which to look at the row again. */
export function rowColumnsOf(record: StepRecord, resource: string): ResourceState | undefined {
  const applied = record.effects.find(({ effect }) => uriOf(effect) === resource);
  if (applied === undefined || resourceOfEffect(applied.effect)?.kind !== 'row') return undefined;
  const columns =
    applied.after.kind === 'row' ? Object.keys(applied.after.columns) : (applied.effect as RowChange).columns;
  return { kind: 'row', columns: Object.fromEntries(columns.map((column) => [column, null])) };
}
