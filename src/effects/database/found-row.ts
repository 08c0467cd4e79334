/** Whole rows as the catalog's shape of their table has them. */
import type { Json } from '../../model/canonical-json.ts';
import type { FoundRow } from './reach.ts';
import type { TableShape } from './table-shape.ts';
import { setOwn } from './values.ts';

/** Columns that a row can be put back with. */
export function writableColumns({ columns, keys }: TableShape): readonly string[] {
  const key = keys[0] ?? [];
  return [...columns.values()]
    .filter(({ name, isGenerated, isAlwaysIdentity }) => !isGenerated && (!isAlwaysIdentity || key.includes(name)))
    .map(({ name }) => name);
}

/** A row as its values stand in `names`. */
export function foundRow({ keys }: TableShape, names: readonly string[], values: readonly Json[]): FoundRow {
  const columns: Record<string, Json> = {};
  names.forEach((name, place) => setOwn(columns, name, values[place]!));
  const key = keys[0];
  const isKnown = key !== undefined && key.every((name) => columns[name] !== undefined && columns[name] !== null);
  return { key: isKnown ? Object.fromEntries(key.map((name) => [name, columns[name]!])) : undefined, columns };
}
