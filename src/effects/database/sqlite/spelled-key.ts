/** A key as SQLite would store it: by the affinity of its columns (datatype3.html §3). */
import type { Json, JsonObject } from '../../../model/canonical-json.ts';
import type { TableName } from '../table-name.ts';
import { columnOf } from '../table-shape.ts';
import { decodeSqlite, tagOf } from '../values.ts';
import type { ShapedReader } from './reader.ts';

const NUMBER = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;

export function spelledKey(reader: ShapedReader, table: TableName, key: JsonObject): JsonObject {
  const shape = reader.shape(table);
  if (shape === undefined) return key;
  return Object.fromEntries(
    Object.entries(key).map(([name, value]) => {
      const column = columnOf(shape, name);
      return [name, column === undefined ? value : spelled(reader, value, affinityOf(column.type))];
    }),
  );
}

type Affinity = 'TEXT' | 'NUMERIC' | 'BLOB';

/** INTEGER, REAL and NUMERIC take a number's text alike. */
function affinityOf(type: string): Affinity {
  const upper = type.toUpperCase();
  if (upper.includes('INT')) return 'NUMERIC';
  if (/CHAR|CLOB|TEXT/.test(upper)) return 'TEXT';
  return upper === '' || upper.includes('BLOB') || upper === 'ANY' ? 'BLOB' : 'NUMERIC';
}

function spelled(reader: ShapedReader, value: Json, affinity: Affinity): Json {
  const isNumber = typeof value === 'number' || typeof value === 'boolean' || isTaggedNumber(value);
  const isToText = affinity === 'TEXT' && isNumber;
  const isToNumber = affinity === 'NUMERIC' && (isNumber || (typeof value === 'string' && NUMBER.test(value)));
  if (!isToText && !isToNumber && typeof value !== 'boolean') return value;
  if (typeof value === 'number' && !isToText) return value;
  const type = affinity === 'BLOB' ? 'NUMERIC' : affinity;
  return decodeSqlite(reader.all(`SELECT CAST(? AS ${type})`, [value])[0]![0]);
}

function isTaggedNumber(value: Json): boolean {
  const tag = value === null ? undefined : tagOf(value)?.tag;
  return tag === '$int' || tag === '$numeric';
}
