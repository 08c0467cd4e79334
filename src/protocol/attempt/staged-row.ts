/** A change of one row as a step stages it. A row has one staged change: a later one is folded into it, or refused. */
import type { JsonObject } from '../../model/canonical-json.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { SqlEffect } from '../../model/record/effect.ts';

export interface StagedRow {
  readonly kind: 'row.insert' | 'row.upsert' | 'row.update' | 'row.delete';
  readonly database: string;
  readonly table: string;
  readonly key: JsonObject;
  readonly values: JsonObject;
  /** That the record will cover. */
  readonly columns: readonly string[];
}

/** One change of a database. */
export type StagedChange = StagedRow | SqlEffect;

/** Two changes of one row, as one. @throws HoldfastError `same-target-twice` */
export function foldRow(first: StagedRow, next: StagedRow, uri: string): StagedRow {
  const columns = [...new Set([...first.columns, ...next.columns])];
  if (next.kind === 'row.delete') return { ...next, columns };
  const isUpdate = next.kind === 'row.update' || next.kind === 'row.upsert';
  if (first.kind !== 'row.delete' && isUpdate)
    return { ...first, values: { ...first.values, ...next.values }, columns };
  throw new HoldfastError(
    'same-target-twice',
    `${uri} is staged twice in one step: ${first.kind.slice(4)}, then ${next.kind.slice(4)}.`,
    { resource: uri },
  );
}
