/** A name that leads to another table than the recorded one, or to none though that table is still there. Pure. */
import type { SchemaState, TableSchemaState } from '../../model/record/world.ts';
import type { TablePlace } from './database.ts';

/** `place`: where the recorded table is now; undefined: nowhere, or nobody looked. */
export function movedTableLine(
  { table: expected }: TableSchemaState,
  found: SchemaState,
  place: TablePlace | undefined,
): string | undefined {
  if (expected === undefined) return undefined;
  const now = found.kind === 'schema' ? found.table : undefined;
  if (found.kind === 'schema' && now?.id === expected.id)
    return now.name === expected.name ? undefined : `table moved from ${expected.name} to ${now.name}`;
  if (now === undefined && (found.kind === 'schema' || place === undefined)) return undefined;
  const leads = now === undefined ? 'the name leads to no table' : `the name leads to another table, ${now.name}`;
  return `${leads}: ${whereIs(expected.name, place)}`;
}

function whereIs(name: string, place: TablePlace | undefined): string {
  if (place === undefined) return `${name} as it was recorded is gone`;
  if (place.name !== name) return `${name} as it was recorded is named ${place.name} now`;
  return `${name} as it was recorded is still there; search_path is ${place.searchPath}`;
}
