/**
 * Whether what a step asked for is there, as its transaction reads it back.
 *
 * Invariant: a row is recorded under the name by which the database has it, and only where it is as asked: what
 * triggers and defaults have made of its values is recorded, but not that it is missing or still there.
 */
import { canonicalJson, type Json } from '../../model/canonical-json.ts';
import { HoldfastError } from '../../model/failure.ts';
import { isByDatabase, uriOf, type DatabaseEffect, type RowChange } from '../../model/record/effect.ts';
import type { RowState } from '../../model/record/world.ts';
import type { Reach } from '../../effects/database/reach.ts';
import { isSameTable } from '../../effects/database/table-name.ts';
import type { Dialect } from '../../effects/database/database.ts';
import type { PlacedEffect } from './application.ts';

export interface AskedRow {
  readonly change: RowChange;
  readonly after: RowState;
  /** Does the database say that its statement has changed no row? */
  readonly isUnmade: boolean;
}

/** @throws HoldfastError `sql-failed`: the step can't go on */
export function mustBeAsAsked(row: AskedRow, { acts }: Reach, dialect: Dialect): void {
  const found = whatIsWrong(row);
  if (found === undefined) return;
  const { table } = row.change;
  const own = acts.filter((act) => isSameTable(dialect, act.table, table)).map(({ kind, name }) => `${kind} ${name}`);
  const cause = own.length === 0 ? '' : ` Table ${table} has ${own.join(', ')}.`;
  throw new HoldfastError('sql-failed', `${uriOf(row.change)}: ${found}${cause}`, { resource: uriOf(row.change)! });
}

/** Rows whose state nothing that follows in the same transaction was to change. */
export function lastAsked(effects: readonly PlacedEffect<DatabaseEffect>[]): readonly PlacedEffect<RowChange>[] {
  const lastStatement = effects.findLastIndex(([, { kind }]) => kind === 'sql');
  return effects
    .slice(lastStatement + 1)
    .filter((entry): entry is PlacedEffect<RowChange> => entry[1].kind !== 'sql' && !isByDatabase(entry[1]));
}

function whatIsWrong({ change, after, isUnmade }: AskedRow): string | undefined {
  const { kind, key, before } = change;
  const asked = kind.slice('row.'.length);
  if (kind === 'row.delete')
    return after.kind === 'row' ? 'the step asked to delete the row, and it is still there.' : undefined;
  if (after.kind === 'absent') return `the step asked to ${asked} the row, and there is none by this key afterwards.`;
  if (isUnmade && before.kind === 'row')
    return `the step asked to ${asked} the row, and the database has changed nothing.`;
  const spelled = Object.keys(key).find((column) => !isSpelledSo(after.columns[column], key[column]!));
  if (spelled === undefined) return undefined;
  const found = canonicalJson(after.columns[spelled]!);
  return `the database has ${spelled} as ${found}. Expected the key to be given as the database spells it.`;
}

/** A column that is not covered says nothing. */
function isSpelledSo(found: Json | undefined, given: Json): boolean {
  return found === undefined || canonicalJson(found) === canonicalJson(given);
}
