/**
 * One row is one resource, however steps spell its key: as the database has it. `'1'` and `1` of an integer column, a
 * uuid in capitals and `1.5` of a `numeric(4,2)` name the row that is read back as `1`, in small letters, as `1.50`.
 */
import type { Database } from '../../effects/database/database.ts';
import { canonicalJson, type JsonObject } from '../../model/canonical-json.ts';
import { HoldfastError } from '../../model/failure.ts';
import { formatResource } from '../../model/record/resource.ts';
import type { RowState } from '../../model/record/world.ts';
import type { StagedRow } from '../attempt/staged-row.ts';

/**
 * The changes in their order, each under its row's own key. `found`: what each row shows, with the columns of its key.
 * @throws HoldfastError `same-target-twice`: two changes name one row
 */
export async function spelledAsFound(
  database: Pick<Database, 'name' | 'spelledKeys'>,
  changes: readonly StagedRow[],
  found: readonly RowState[],
): Promise<readonly StagedRow[]> {
  const absent = [...changes.entries()].filter(([place]) => found[place]!.kind === 'absent');
  const keys =
    absent.length === 0 ? [] : await database.spelledKeys(absent.map(([, { table, key }]) => ({ table, key })));
  const spelled = changes.map((change, place) => respelled(change, keyIn(change, found[place]!)));
  absent.forEach(([place, change], index) => (spelled[place] = respelled(change, keys[index]!)));
  refuseTwice(spelled, changes);
  return spelled;
}

function keyIn({ key }: StagedRow, state: RowState): JsonObject {
  if (state.kind === 'absent') return key;
  return Object.fromEntries(Object.keys(key).map((column) => [column, state.columns[column] ?? key[column]!]));
}

/** The same change where nothing is spelled otherwise. */
function respelled(change: StagedRow, key: JsonObject): StagedRow {
  if (canonicalJson(key) === canonicalJson(change.key)) return change;
  const inValues = Object.entries(key).filter(([column]) => column in change.values);
  return { ...change, key, values: { ...change.values, ...Object.fromEntries(inValues) } };
}

function refuseTwice(spelled: readonly StagedRow[], given: readonly StagedRow[]): void {
  const first = new Map<string, number>();
  for (const [place, row] of spelled.entries()) {
    const { database, table, key } = row;
    const resource = formatResource({ kind: 'row', database, table, key });
    const earlier = first.get(resource);
    if (earlier !== undefined) {
      const spellings = [earlier, place].map((one) => canonicalJson(given[one]!.key)).join(' and ');
      throw new HoldfastError(
        'same-target-twice',
        `${resource} is staged twice in one step, under two spellings of its key: ${spellings}.`,
        { resource },
      );
    }
    first.set(resource, place);
  }
}
