/**
 * Text as SQLite has it: any bytes that a program called text. The driver gives U+FFFD for what is no UTF-8, so that
 * different texts look the same; where one stands, the bytes are read once more, as bytes.
 */
import { isUtf8 } from 'node:buffer';
import type { PlacedRow, SqliteStore } from '../../../store/sqlite-store.ts';
import { placedRows, type SqliteInput } from '../../../store/sqlite-store.ts';
import { OddText } from '../values.ts';

const REPLACED = '\ufffd';

/** @param text of a statement that only reads; of any other the rows are given as they are */
export function withOddText(
  { driver }: Pick<SqliteStore, 'driver'>,
  text: string,
  values: readonly SqliteInput[],
  rows: readonly PlacedRow[],
): readonly PlacedRow[] {
  if (!rows.some((row) => row.some(isReplaced))) return rows;
  const exact = bytesOf(driver, text, values, rows);
  if (exact?.length !== rows.length) return rows;
  return rows.map((row, number) =>
    row.map((value, place) => {
      const bytes = exact[number]![place];
      return isReplaced(value) && bytes instanceof Uint8Array && !isUtf8(bytes) ? new OddText(bytes) : value;
    }),
  );
}

function isReplaced(value: unknown): boolean {
  return typeof value === 'string' && value.includes(REPLACED);
}

/** Undefined: it is no statement that stands within another, or the database keeps its texts in UTF-16. */
function bytesOf(
  driver: SqliteStore['driver'],
  text: string,
  values: readonly SqliteInput[],
  rows: readonly PlacedRow[],
): readonly PlacedRow[] | undefined {
  const names = rows[0]!.map((_, place) => `c${place}`);
  const asBytes = names.map((name) => `CASE typeof(${name}) WHEN 'text' THEN CAST(${name} AS BLOB) END`).join(', ');
  const inner = text.replace(/;\s*$/, '');
  try {
    if (placedRows(driver.prepare('PRAGMA encoding').all())[0]?.[0] !== 'UTF-8') return undefined;
    const outer = `WITH q(${names.join(', ')}) AS (${inner}\n) SELECT ${asBytes} FROM q LIMIT ${rows.length}`;
    return placedRows(driver.prepare(outer).all(...values));
  } catch {
    // A statement with RETURNING, a PRAGMA: its texts stay as the driver gives them.
    return undefined;
  }
}
