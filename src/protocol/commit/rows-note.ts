/**
 * The note of what an intent's rows show, which its token row keeps: as it is, and as it can be foreseen.
 *
 * Invariant: a note that was foreseen counts only where it is what was read back, and where nothing besides the changes
 * could have touched the token row; else it is written again, in the same transaction.
 */
import type { Dialect } from '../../effects/database/database.ts';
import { hasReach, type Reach } from '../../effects/database/reach.ts';
import { digestOf, type Digest } from '../../model/digest.ts';
import type { DatabaseEffect, RowChange } from '../../model/record/effect.ts';
import { ABSENT, stateDigest, type RowState } from '../../model/record/world.ts';

export function rowsNote(states: readonly RowState[]): Digest {
  return digestOf(states.map(stateDigest));
}

/**
 * If the database keeps every value as it is given. Undefined: nobody can tell, or to write it takes no round trip
 * (SQLite).
 */
export function foreseenNote(dialect: Dialect, effects: readonly DatabaseEffect[]): Digest | undefined {
  if (dialect !== 'postgres') return undefined;
  const states: RowState[] = [];
  for (const effect of effects) {
    const state = effect.kind === 'sql' ? undefined : stateAsGiven(effect);
    if (state === undefined) return undefined;
    states.push(state);
  }
  return rowsNote(states);
}

/** Is the note that was foreseen the right one, and still there? */
export function isNoted(foreseen: Digest | undefined, note: Digest, reach: Reach): boolean {
  return foreseen === note && !hasReach(reach);
}

function stateAsGiven({ kind, key, values, columns, before }: RowChange): RowState | undefined {
  if (kind === 'row.delete') return ABSENT;
  const given = { ...(before.kind === 'row' ? before.columns : {}), ...values, ...key };
  if (columns.some((column) => given[column] === undefined)) return undefined;
  return { kind: 'row', columns: Object.fromEntries(columns.map((column) => [column, given[column]!])) };
}
