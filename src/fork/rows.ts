/** Rows of a fork's database are as its record has them, or it is not made. */
import type { DatabaseTransaction } from '../effects/database/database.ts';
import type { JsonObject } from '../model/canonical-json.ts';
import { HoldfastError } from '../model/failure.ts';
import { sameState, type RowState } from '../model/record/world.ts';

export const TIMEOUTS = { lockTimeoutMs: 10_000, statementTimeoutMs: 600_000, idleTimeoutMs: 600_000 };
const ROWS_AT_ONCE = 500;
const MAX_NAMED = 20;

export interface Row {
  readonly table: string;
  readonly key: JsonObject;
}

/** @throws HoldfastError `bad-input`, which names the rows that are otherwise */
export async function mustBe(
  transaction: DatabaseTransaction,
  rows: ReadonlyMap<string, Row>,
  expected: (uri: string) => RowState,
  as: string,
): Promise<void> {
  const all = [...rows];
  const differ: string[] = [];
  for (let first = 0; first < all.length; first += ROWS_AT_ONCE) {
    const some = all.slice(first, first + ROWS_AT_ONCE);
    const wanted = some.map(([uri]) => expected(uri));
    const requests = some.map(([, { table, key }], index) => ({ table, key, columns: columnsOf(wanted[index]!) }));
    const found = await transaction.rows(requests);
    some.forEach(([uri], index) => {
      if (!sameState(found[index]!, wanted[index]!)) differ.push(uri);
    });
  }
  if (differ.length === 0) return;
  const named = differ.slice(0, MAX_NAMED).join(', ');
  const more = differ.length > MAX_NAMED ? ` and ${differ.length - MAX_NAMED} more` : '';
  throw new HoldfastError(
    'bad-input',
    `The database can't be made so: these rows are not as ${as} has them: ${named}${more}.`,
    {
      rows: differ,
      nextStep: 'Let the job compare the world and answer what it asks (holdfast verify), then fork again.',
    },
  );
}

function columnsOf(state: RowState): readonly string[] {
  return state.kind === 'row' ? Object.keys(state.columns) : [];
}
