/**
 * Reads many rows of a SQLite file by their keys, in chunks between which others may run.
 *
 * Invariant: every chunk sees the same snapshot, because the caller holds one transaction around all of them.
 */
import { setImmediate } from 'node:timers/promises';
import type { Json } from '../../../model/canonical-json.ts';
import { ABSENT, type RowState } from '../../../model/record/world.ts';
import type { RowRequest } from '../database.ts';
import { columnOf, type TableShape } from '../table-shape.ts';
import { parseTableName } from '../table-name.ts';
import { selectRow } from '../query-builder.ts';
import { ambiguousRow } from '../row-statement.ts';
import type { ShapedReader } from './reader.ts';
import { decodeSqlite, setOwn } from '../values.ts';

/** Rows read before the event loop gets a turn: about 5 ms. */
const ROWS_PER_TURN = 1000;

export async function readSqliteRows(
  reader: ShapedReader,
  database: string,
  requests: readonly RowRequest[],
): Promise<readonly RowState[]> {
  const shapes = new Map<string, TableShape | undefined>();
  const states: RowState[] = [];
  for (const [index, request] of requests.entries()) {
    if (index > 0 && index % ROWS_PER_TURN === 0) await setImmediate();
    const { table } = request;
    if (!shapes.has(table)) shapes.set(table, reader.shape(parseTableName(table)));
    const plan = planOf(shapes.get(table), request);
    states.push(plan === undefined ? ABSENT : readRow(reader, database, plan, request));
  }
  return states;
}

/** A shape is one object until its table changes; a job asks for the same columns again and again. */
const plansOf = new WeakMap<TableShape, Map<string, RowPlan | undefined>>();
const MAX_PLANS = 100;

/** Undefined where the table or a column of the key is not there: no row can be found by this key. */
function planOf(shape: TableShape | undefined, request: RowRequest): RowPlan | undefined {
  if (shape === undefined) return undefined;
  const key = Object.keys(request.key).sort();
  const name = `${key.join('\0')}\0\0${request.columns.join('\0')}`;
  let plans = plansOf.get(shape);
  if (plans === undefined || plans.size > MAX_PLANS)
    plansOf.set(shape, (plans = new Map<string, RowPlan | undefined>()));
  if (!plans.has(name)) plans.set(name, planRow(shape, key, request.columns));
  return plans.get(name);
}

interface RowPlan {
  readonly text: string;
  readonly key: readonly string[];
  readonly columns: readonly { readonly name: string; readonly keepsReal: boolean }[];
}

function planRow(shape: TableShape, key: readonly string[], requested: readonly string[]): RowPlan | undefined {
  if (key.some((column) => columnOf(shape, column) === undefined)) return undefined;
  const columns = requested.flatMap((name) => {
    const column = columnOf(shape, name);
    return column === undefined ? [] : [{ name, keepsReal: column.keepsReal }];
  });
  const { text } = selectRow(
    'sqlite',
    shape,
    key,
    columns.map((column) => column.name),
  );
  return { text: `${text} LIMIT 2`, key, columns };
}

function readRow(reader: ShapedReader, database: string, plan: RowPlan, request: RowRequest): RowState {
  const rows = reader.all(
    plan.text,
    plan.key.map((column) => request.key[column]!),
  );
  if (rows.length > 1) throw ambiguousRow(database, request);
  const row = rows[0];
  if (row === undefined) return ABSENT;
  const columns: Record<string, Json> = {};
  for (const [index, column] of plan.columns.entries())
    setOwn(columns, column.name, decodeSqlite(row[index], column.keepsReal));
  return { kind: 'row', columns };
}
