/** Rows whose table has lost columns: the finding about the schema tells of it, not again each row. */
import { sameState, type ResourceState } from '../../model/record/world.ts';

/** Columns that the table no longer has are told by the finding about its schema, not again by each row. */
export function withoutLostColumns(expected: ResourceState, found: ResourceState): ResourceState {
  if (expected.kind !== 'row' || found.kind !== 'row') return expected;
  return {
    ...expected,
    columns: Object.fromEntries(Object.entries(expected.columns).filter(([column]) => column in found.columns)),
  };
}

/** The same but for columns that the table no longer has. */
export function isWithoutLostColumns(
  recorded: Readonly<Record<string, unknown>>,
  found: Readonly<Record<string, unknown>>,
): boolean {
  const kept = Object.keys(recorded).filter((column) => column in found);
  if (kept.length === Object.keys(recorded).length) return false;
  const pick = (columns: Readonly<Record<string, unknown>>): ResourceState => ({
    kind: 'row',
    columns: Object.fromEntries(kept.map((column) => [column, columns[column]])) as never,
  });
  return sameState(pick(recorded), pick(found));
}
