/** What the rows of a record show now: all of a database at once, with all their columns. */
import type { RowChange } from '../../../model/record/effect.ts';
import type { RowState } from '../../../model/record/world.ts';
import type { Database } from '../../../effects/database/database.ts';
import type { UndoTarget } from './inverse.ts';

export interface RowSighting {
  readonly whole: RowState;
  /** The columns that the step's record covers. */
  readonly covered: readonly string[];
  /** The columns that are not generated. */
  readonly writable: readonly string[];
  /** Is the row not to be seen, in a table that may hide rows from this role? */
  readonly isHidden: boolean;
}

interface UndoneRow {
  /** Of its effect in the record. */
  readonly place: number;
  readonly effect: RowChange;
  readonly covered: readonly string[];
  /** Was the row there after the step? */
  readonly wasThere: boolean;
}

/** By the place of the effect. @throws HoldfastError `storage-unreachable` and what else may pass */
export async function lookAtRows(target: UndoTarget): Promise<ReadonlyMap<number, RowSighting>> {
  const sightings = new Map<number, RowSighting>();
  for (const [name, rows] of Map.groupBy(undoneRows(target), ({ effect }) => effect.database)) {
    const database = await target.workspace.database(name, target.settings);
    const writable = await writableColumns(database, new Set(rows.map(({ effect }) => effect.table)));
    const states = await database.rows(
      rows.map(({ effect: { table, key }, covered }) => ({
        table,
        key,
        columns: [...new Set([...covered, ...(writable.get(table) ?? [])])],
      })),
    );
    const isMissing = (row: UndoneRow, index: number): boolean => row.wasThere && states[index]!.kind === 'absent';
    const missing = rows.filter(isMissing).map(({ effect }) => effect.table);
    const hiding = missing.length === 0 ? new Set() : await database.hiding([...new Set(missing)]);
    rows.forEach((row, index) => {
      const { place, effect, covered } = row;
      sightings.set(place, {
        whole: states[index]!,
        covered,
        writable: writable.get(effect.table) ?? covered,
        isHidden: isMissing(row, index) && hiding.has(effect.table),
      });
    });
  }
  return sightings;
}

function undoneRows({ record, skip }: UndoTarget): readonly UndoneRow[] {
  return record.effects.flatMap(({ effect, after, outcome }, place) => {
    if (!('table' in effect) || outcome !== 'applied' || skip.has(place)) return [];
    const wasThere = after.kind === 'row';
    return [{ place, effect, covered: wasThere ? Object.keys(after.columns) : effect.columns, wasThere }];
  });
}

/** By table; a table that is gone has none. */
async function writableColumns(
  database: Database,
  tables: ReadonlySet<string>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const writable = new Map<string, readonly string[]>();
  for (const table of tables) {
    const schema = await database.schema(table);
    if (schema.kind !== 'schema') continue;
    const columns = schema.columns.filter(({ generated }) => generated === null);
    writable.set(
      table,
      columns.map(({ name }) => name),
    );
  }
  return writable;
}
