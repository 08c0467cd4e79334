/**
 * Rows that a rewind takes away, with all their columns: the record knows those that the step wrote, and defaults, a
 * trigger or another program may have filled others. Whoever undoes the rewind puts the row back with them.
 */
import { uriOf, type RowChange } from '../../model/record/effect.ts';
import type { RepairContext } from './running/context.ts';
import { takenBackBy } from './answers/rerun.ts';
import { RunningRepair } from './running/running-repair.ts';
import { unsealedRepair, type RepairDraft } from './seal.ts';

/** By resource. Reads only. @throws HoldfastError for what may pass */
export async function rowsThatGo(
  context: RepairContext,
  draft: RepairDraft,
): Promise<NonNullable<RepairDraft['keptRows']>> {
  const takenBack = await takenBackBy(new RunningRepair(context, draft.question, unsealedRepair(draft)));
  const going = takenBack.flatMap(({ effect }) =>
    'table' in effect && effect.before.kind === 'absent' ? [effect] : [],
  );
  const rows: NonNullable<RepairDraft['keptRows']> = {};
  for (const [name, effects] of Map.groupBy(going, ({ database }) => database)) {
    const database = await context.workspace.database(name, context.settings);
    const columns = new Map<string, readonly string[]>();
    for (const table of new Set(effects.map((effect) => effect.table))) {
      const schema = await database.schema(table);
      const own = schema.kind === 'schema' ? schema.columns.filter(({ generated }) => generated === null) : [];
      columns.set(
        table,
        own.map((column) => column.name),
      );
    }
    const states = await database.rows(
      effects.map((effect) => ({ ...placeOf(effect), columns: columns.get(effect.table)! })),
    );
    effects.forEach((effect, index) => {
      const state = states[index]!;
      if (state.kind === 'row') rows[uriOf(effect)!] = state;
    });
  }
  return rows;
}

function placeOf({ table, key }: RowChange): Pick<RowChange, 'table' | 'key'> {
  return { table, key };
}
