/**
 * Rows whose table has changed: what the loss of columns implies is told by the finding about the schema, not again by
 * each row.
 */
import { formatResource, parseResource } from '../../model/record/resource.ts';
import { sameState, type ResourceState, type RowState, type Sighting } from '../../model/record/world.ts';

type Columns = Extract<RowState, { kind: 'row' }>['columns'];

/** The state of a row's table, where that differs from the record. differing: all that does, with what is there now. */
export function differingSchema(resource: string, differing: ReadonlyMap<string, Sighting>): ResourceState | undefined {
  const row = parseResource(resource);
  if (row.kind !== 'row') return undefined;
  const schema = differing.get(formatResource({ kind: 'schema', database: row.database, table: row.table }));
  return schema?.outcome === 'seen' ? schema.state : undefined;
}

/** Does a row differ only because its table, or columns of it, are gone? */
export function isImpliedBySchema(
  schema: ResourceState | undefined,
  found: ResourceState,
  acceptable: readonly ResourceState[],
): boolean {
  if (schema === undefined) return false;
  if (schema.kind === 'absent') return true;
  if (found.kind !== 'row') return false;
  return acceptable.some((state) => state.kind === 'row' && isWithoutLostColumns(state.columns, found.columns));
}

/** The same but for columns that the table no longer has. */
export function isWithoutLostColumns(recorded: Columns, found: Columns): boolean {
  const remaining = Object.keys(recorded).filter((column) => column in found);
  if (remaining.length === Object.keys(recorded).length) return false;
  return sameState(rowOf(recorded, remaining), rowOf(found, remaining));
}

export function withoutLostColumns(expected: ResourceState, found: ResourceState): ResourceState {
  if (expected.kind !== 'row' || found.kind !== 'row') return expected;
  return rowOf(
    expected.columns,
    Object.keys(expected.columns).filter((column) => column in found.columns),
  );
}

function rowOf(columns: Columns, names: readonly string[]): RowState {
  return { kind: 'row', columns: Object.fromEntries(names.map((name) => [name, columns[name] ?? null])) };
}
