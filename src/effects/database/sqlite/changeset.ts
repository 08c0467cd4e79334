/**
 * What a session of SQLite has seen of changes, its triggers' and foreign keys' included: the format of
 * sqlite3session_changeset. One entry a row, however often it was changed; a row that is as before has none.
 */
import { isUtf8 } from 'node:buffer';
import type { Json } from '../../../model/canonical-json.ts';
import { invariant } from '../../../model/invariant.ts';
import { decodeSqlite, OddText } from '../values.ts';

export interface ChangedRow {
  readonly table: string;
  readonly isDeleted: boolean;
  /** Values of the primary key, with the places of their columns: generated columns do not count. */
  readonly key: readonly { readonly place: number; readonly value: Json }[];
}

const TABLE = 0x54;
const INSERT = 18;
const UPDATE = 23;
const DELETE = 9;
const [NONE, INTEGER, REAL, TEXT, BLOB, NULL] = [0, 1, 2, 3, 4, 5];

/** In the order of the changeset. Tables without a PRIMARY KEY are not in it. */
export function changedRows(changeset: Uint8Array): readonly ChangedRow[] {
  const reader = new ChangesetReader(changeset);
  const rows: ChangedRow[] = [];
  let table = '';
  let keyFlags: readonly number[] = [];
  while (!reader.isAtEnd) {
    const kind = reader.byte();
    if (kind === TABLE) {
      keyFlags = reader.bytes(reader.varint());
      table = reader.name();
      continue;
    }
    invariant([INSERT, UPDATE, DELETE].includes(kind), 'a changeset is read as SQLite writes it');
    reader.byte();
    const values = reader.record(keyFlags.length);
    if (kind === UPDATE) reader.record(keyFlags.length);
    const key = values.flatMap((value, place) =>
      keyFlags[place] === 0 || value === undefined ? [] : [{ place, value }],
    );
    rows.push({ table, isDeleted: kind === DELETE, key });
  }
  return rows;
}

class ChangesetReader {
  readonly #view: DataView;
  #at = 0;

  constructor(changeset: Uint8Array) {
    this.#view = new DataView(changeset.buffer, changeset.byteOffset, changeset.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#view.byteLength;
  }

  byte(): number {
    return this.#view.getUint8(this.#at++);
  }

  bytes(count: number): readonly number[] {
    return Array.from({ length: count }, () => this.byte());
  }

  /** SQLite's own: seven bits a byte, the highest first. */
  varint(): number {
    let value = 0;
    for (;;) {
      const byte = this.byte();
      value = value * 128 + (byte & 0x7f);
      if (byte < 0x80) return value;
    }
  }

  name(): string {
    const start = this.#at;
    while (this.byte() !== 0);
    return String(textOf(this.#slice(start, this.#at - 1)));
  }

  /** Undefined: the record says nothing of the column. */
  record(columns: number): readonly (Json | undefined)[] {
    return Array.from({ length: columns }, () => this.#value());
  }

  #value(): Json | undefined {
    const type = this.byte();
    const start = this.#at;
    switch (type) {
      case NONE:
        return undefined;
      case NULL:
        return null;
      case INTEGER:
        this.#at += 8;
        return decodeSqlite(this.#view.getBigInt64(start));
      case REAL:
        this.#at += 8;
        return decodeSqlite(this.#view.getFloat64(start));
      default: {
        invariant(type === TEXT || type === BLOB, 'a changeset is read as SQLite writes it');
        const length = this.varint();
        const bytes = this.#slice(this.#at, this.#at + length);
        this.#at += length;
        return decodeSqlite(type === TEXT ? textOf(bytes) : bytes);
      }
    }
  }

  #slice(start: number, end: number): Uint8Array {
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + start, end - start);
  }
}

/** A mark at the start is part of a text. */
function textOf(bytes: Uint8Array): string | OddText {
  return isUtf8(bytes) ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) : new OddText(bytes);
}
