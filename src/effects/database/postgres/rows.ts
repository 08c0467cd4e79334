/**
 * Reads many rows by their keys in few statements: one a thousand rows of one table, all sent before the first answers.
 */
import type { Json } from '../../../model/canonical-json.ts';
import { ABSENT, type RowState } from '../../../model/record/world.ts';
import type { RowRequest } from '../database.ts';
import type { PostgresRows, PostgresSession } from './session.ts';
import { encodePostgresArray } from './values.ts';
import { columnOf, type TableShape } from '../table-shape.ts';
import { selectRows } from '../query-builder.ts';
import { ambiguousRow } from '../row-statement.ts';
import { setOwn } from '../values.ts';

const ROWS_PER_STATEMENT = 1000;

/** `shapes`: of every table that a request names; one that is missing yields `absent`. */
export async function readPostgresRows(
  session: PostgresSession,
  database: string,
  shapes: ReadonlyMap<string, TableShape>,
  requests: readonly RowRequest[],
): Promise<readonly RowState[]> {
  const states: RowState[] = requests.map(() => ABSENT);
  const pending = chunksOf(shapes, requests).map(async ({ shape, key, columns, indexes }) => {
    const { text } = selectRows(shape, key, columns);
    const arrays = key.map((column) =>
      encodePostgresArray(
        indexes.map((index) => requests[index]!.key[column]!),
        columnOf(shape, column)!,
      ),
    );
    return { columns, indexes, result: await session.run(text, arrays) };
  });
  for (const answer of await settleAll(pending)) fillStates(states, database, requests, answer);
  return states;
}

/** Waits for every one, so that nothing is under way when the first failure is thrown. */
export async function settleAll<T>(pending: readonly Promise<T>[]): Promise<readonly T[]> {
  const outcomes = await Promise.allSettled(pending);
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}

interface Chunk {
  readonly shape: TableShape;
  readonly key: readonly string[];
  readonly columns: readonly string[];
  /** Which requests, in the order of the statement's numbers. */
  readonly indexes: readonly number[];
}

function chunksOf(shapes: ReadonlyMap<string, TableShape>, requests: readonly RowRequest[]): readonly Chunk[] {
  const groups = new Map<string, number[]>();
  for (const [index, request] of requests.entries()) {
    const id = JSON.stringify([request.table, Object.keys(request.key).sort(), request.columns]);
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [index]);
    else group.push(index);
  }
  return [...groups.values()].flatMap((indexes) => {
    const { table, key: values, columns } = requests[indexes[0]!]!;
    const shape = shapes.get(table);
    const key = Object.keys(values).sort();
    // A table or a column of the key that is not there: no row can be found by this key.
    if (shape === undefined || key.some((column) => columnOf(shape, column) === undefined)) return [];
    const known = columns.filter((column) => columnOf(shape, column) !== undefined);
    const chunks: Chunk[] = [];
    for (let start = 0; start < indexes.length; start += ROWS_PER_STATEMENT) {
      chunks.push({ shape, key, columns: known, indexes: indexes.slice(start, start + ROWS_PER_STATEMENT) });
    }
    return chunks;
  });
}

interface Answer {
  readonly columns: readonly string[];
  readonly indexes: readonly number[];
  readonly result: PostgresRows;
}

function fillStates(
  states: RowState[],
  database: string,
  requests: readonly RowRequest[],
  { columns, indexes, result }: Answer,
): void {
  for (const [number, ...values] of result.rows) {
    const index = indexes[Number(number) - 1]!;
    if (states[index]!.kind !== 'absent') throw ambiguousRow(database, requests[index]!);
    const found: Record<string, Json> = {};
    for (const [place, column] of columns.entries()) setOwn(found, column, values[place]!);
    states[index] = { kind: 'row', columns: found };
  }
}
