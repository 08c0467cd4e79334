/**
 * Reads the columns of one table's rows, each with its type checked: whatever has written to the file, a value of a
 * wrong type ends as `ledger-damaged` and goes no further.
 *
 * Checks are by hand and cost a comparison each, because every step reads rows several times.
 */
import { hash } from 'node:crypto';
import { HoldfastError } from '../../model/failure.ts';
import type { NamedRow, SqliteValue } from '../sqlite-store.ts';

const SEAL_DIGITS = 16;
/** JSON never begins like this. */
const SEAL = /^#([0-9a-f]{16})#/;

/**
 * A text with a digest of itself before it. For what a step believes and no record has yet: a bit of the file that
 * turns there would be seen by nobody else.
 */
export function sealedText(text: string): string {
  return `#${sealOf(text)}#${text}`;
}

function sealOf(text: string): string {
  return hash('sha256', text).slice(0, SEAL_DIGITS);
}

export class Columns {
  readonly #table: string;

  /** @param table named in messages */
  constructor(table: string) {
    this.#table = table;
  }

  text(row: NamedRow, column: string): string {
    const value = row[column];
    if (typeof value !== 'string') throw this.#damaged(column, 'text', value);
    return value;
  }

  textOrNull(row: NamedRow, column: string): string | null {
    return row[column] === null ? null : this.text(row, column);
  }

  /** What `sealedText` made, or a text of a ledger that was written before there was any seal. */
  sealed(row: NamedRow, column: string): string {
    const stored = this.text(row, column);
    const [mark, seal] = SEAL.exec(stored) ?? ['', undefined];
    const text = stored.slice(mark.length);
    if (seal === undefined || seal === sealOf(text)) return text;
    throw this.#damaged(column, 'what its seal was made of: it was changed after it was written', text);
  }

  sealedOrNull(row: NamedRow, column: string): string | null {
    return row[column] === null ? null : this.sealed(row, column);
  }

  integer(row: NamedRow, column: string): number {
    const value = row[column];
    if (typeof value !== 'number' || !Number.isInteger(value)) throw this.#damaged(column, 'an integer', value);
    return value;
  }

  bytes(row: NamedRow, column: string): Uint8Array {
    const value = row[column];
    if (!(value instanceof Uint8Array)) throw this.#damaged(column, 'bytes', value);
    return value;
  }

  oneOf<const T extends string>(row: NamedRow, column: string, allowed: readonly T[]): T {
    const value = row[column];
    const found = allowed.find((one) => one === value);
    if (found === undefined) throw this.#damaged(column, allowed.join(' | '), value);
    return found;
  }

  oneOfOrNull<const T extends string>(row: NamedRow, column: string, allowed: readonly T[]): T | null {
    return row[column] === null ? null : this.oneOf(row, column, allowed);
  }

  /** JSON whose outline is checked by hand. `what` names it in messages. */
  json<T>(row: NamedRow, column: string, has: Outline<T>, what = `${this.#table}.${column}`): T {
    const value = parseJson(this.text(row, column), what);
    if (!has(value)) throw unreadable(what, new Error('it has another form than the ledger gives it'));
    return value;
  }

  jsonOrNull<T>(row: NamedRow, column: string, has: Outline<T>): T | null {
    return row[column] === null ? null : this.json(row, column, has);
  }

  /** The same of a sealed text. */
  sealedJson<T>(row: NamedRow, column: string, has: Outline<T>): T {
    return this.json({ [column]: this.sealed(row, column) }, column, has);
  }

  /** JSON that a schema parses: for rows that are read seldom. */
  parsed<T>(row: NamedRow, column: string, schema: Schema<T>, what: string): T {
    return parsed(this.text(row, column), schema, what);
  }

  #damaged(column: string, expected: string, found: SqliteValue | undefined): HoldfastError {
    const shown = typeof found === 'string' ? JSON.stringify(found.slice(0, 100)) : nameOf(found);
    return new HoldfastError(
      'ledger-damaged',
      `The ledger's table ${this.#table} has a row whose ${column} is ${shown}. Expected ${expected}.`,
      { table: this.#table, column },
    );
  }
}

export interface Schema<T> {
  parse(value: unknown): T;
}

/** @throws HoldfastError `ledger-damaged` */
export function parsed<T>(text: string, schema: Schema<T>, what: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw unreadable(what, error);
  }
}

/** @throws HoldfastError `ledger-damaged` */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unreadable(what, error);
  }
}

export function unreadable(what: string, error: unknown): HoldfastError {
  const problem = error instanceof Error ? error.message : String(error);
  return new HoldfastError(
    'ledger-damaged',
    `The ledger's ${what} is not readable: ${problem.slice(0, 300)}`,
    {},
    { cause: error },
  );
}

export type Outline<T> = (value: unknown) => value is T;

type FieldType = 'string' | 'number' | 'object' | 'array' | 'array or null';

/** The outline of an object: which fields it must have, of which type. Other fields are not looked at. */
export function outline<T extends object>(fields: { readonly [K in keyof T]?: FieldType }): Outline<T> {
  const expected = Object.entries<FieldType | undefined>(fields);
  return (value): value is T =>
    typeof value === 'object' &&
    value !== null &&
    expected.every(([name, type]) => isOfType(Reflect.get(value, name), type));
}

function isOfType(value: unknown, type: FieldType | undefined): boolean {
  if (type === 'array') return Array.isArray(value);
  if (type === 'array or null') return value === null || Array.isArray(value);
  if (type === 'object') return typeof value === 'object' && value !== null;
  return typeof value === type;
}

function nameOf(value: SqliteValue | undefined): string {
  if (value === undefined) return 'not there';
  return value instanceof Uint8Array ? `${value.byteLength} bytes` : String(value);
}
