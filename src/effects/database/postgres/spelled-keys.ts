/** Keys as PostgreSQL would store them: each value through its column's type, with its length or scale. */
import type { Json, JsonObject } from '../../../model/canonical-json.ts';
import type { RowState } from '../../../model/record/world.ts';
import type { RowRequest, RowsOptions } from '../database.ts';
import { quoteIdentifier, quoteTable } from '../table-name.ts';
import { columnOf, type ColumnShape, type TableShape } from '../table-shape.ts';
import type { PostgresSession } from './session.ts';
import { PostgresShapes } from './shapes.ts';
import { encodePostgres, encodePostgresArray } from './values.ts';

const TEXT = { type: 'text', isJson: false } as const;
const INTEGERS: ReadonlySet<string> = new Set(['smallint', 'integer', 'bigint', 'oid']);
const TEXTS: ReadonlySet<string> = new Set(['text', 'character varying', 'name']);

type RowName = Pick<RowRequest, 'table' | 'key'>;

/** Is every value as the database would have it, whoever looks? By what is known of the tables. */
export function areAllCertain(shapes: ReadonlyMap<string, TableShape>, keys: readonly RowName[]): boolean {
  return keys.every(({ table, key }) => isCertain(shapes.get(table), key));
}

/** What the caller takes all rows to be, where no key can be another spelling of what the database has. */
export function expectedRows(
  shapes: ReadonlyMap<string, TableShape>,
  requests: readonly RowName[],
  { expected = [] }: RowsOptions,
): readonly RowState[] | undefined {
  const given = expected.filter((state) => state !== undefined);
  return given.length === requests.length && areAllCertain(shapes, requests) ? given : undefined;
}

export async function spelledKeys(session: PostgresSession, keys: readonly RowName[]): Promise<readonly JsonObject[]> {
  const shapes = await new PostgresShapes(session, new Map()).get(keys.map(({ table }) => [table, []] as const));
  const spelled = keys.map(({ key }) => key);
  const doubtful = [...keys.entries()].filter(([, name]) => !isCertain(shapes.get(name.table), name.key));
  const groups = Map.groupBy(doubtful, ([, { table, key }]) => JSON.stringify([table, Object.keys(key)]));
  for (const group of groups.values()) {
    const { table, key } = group[0]![1];
    const columns = Object.keys(key);
    const names = group.map(([, one]) => one.key);
    const rows = await convert(session, shapes.get(table)!, columns, names);
    rows.forEach((row, index) => {
      spelled[group[index]![0]] = Object.fromEntries(columns.map((column, place) => [column, row[place]!]));
    });
  }
  return spelled;
}

/** A table or column that is not there is told when the change is made. */
function isCertain(shape: TableShape | undefined, key: JsonObject): boolean {
  return Object.entries(key).every(([name, value]) => {
    const column = shape === undefined ? undefined : columnOf(shape, name);
    return column === undefined || isAsStored(column, value);
  });
}

function isAsStored({ type }: ColumnShape, value: Json): boolean {
  return typeof value === 'number' ? Number.isInteger(value) && INTEGERS.has(type) : isText(value) && TEXTS.has(type);
}

function isText(value: Json): boolean {
  return typeof value === 'string';
}

/** As an INSERT takes them: through the input function of each column, which knows its length and scale. */
async function convert(
  session: PostgresSession,
  shape: TableShape,
  columns: readonly string[],
  keys: readonly JsonObject[],
): Promise<readonly (readonly Json[])[]> {
  const own = columns.map((column) => columnOf(shape, column)!);
  const parameters = own.map((column) =>
    encodePostgresArray(
      keys.map((key) => textOf(key[column.name]!, column)),
      TEXT,
    ),
  );
  const arrays = own.map((_column, place) => `$${place + 1}::text[]`).join(', ');
  const places = own.map((_column, place) => `k${place}`);
  const pairs = own.map(({ name }, place) => `${quoteLiteral(name)}, u.k${place}`).join(', ');
  const list = own.map(({ name }) => `r.${quoteIdentifier(name)}`).join(', ');
  const { rows } = await session.run(
    `SELECT ${list} FROM unnest(${arrays}) WITH ORDINALITY AS u(${places.join(', ')}, n)
     CROSS JOIN LATERAL json_populate_record(NULL::${quoteTable(shape.table)}, json_build_object(${pairs})) AS r
     ORDER BY u.n`,
    parameters,
  );
  return rows;
}

function textOf(value: Json, column: ColumnShape): Json {
  const encoded = encodePostgres(value, column);
  return Buffer.isBuffer(encoded) ? `\\x${encoded.toString('hex')}` : encoded;
}

function quoteLiteral(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
