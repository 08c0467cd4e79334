/**
 * What a connection has read of its tables.
 *
 * Invariant: it is dropped when `schema_version` moves, and after a rollback, which gives a version number back. The
 * number is asked for once in a transaction, and again after a statement that may change a table.
 */
import type { SchemaState } from '../../../model/record/world.ts';
import type { TableName } from '../table-name.ts';
import type { TableShape } from '../table-shape.ts';
import type { ShapedReader } from './reader.ts';
import { reachFrom, readSqliteReach, type SqliteReach } from './reach.ts';
import type { Reach } from '../reach.ts';
import { readSqliteSchema } from './schema.ts';
import { readSqliteShape } from './shape.ts';

export class KnownTables {
  readonly #reader: ShapedReader;
  readonly #shapes = new Map<string, TableShape | undefined>();
  readonly #schemas = new Map<string, SchemaState>();
  #hasForeignKeys: boolean | undefined;
  #reach: SqliteReach | undefined;
  #schemaVersion: unknown;
  #view: object | undefined;

  constructor(reader: ShapedReader) {
    this.#reader = reader;
  }

  /** What there is to know about a table for building statements; undefined if there is none. */
  shape(table: TableName): TableShape | undefined {
    this.#dropStale();
    const key = keyOf(table);
    if (!this.#shapes.has(key)) this.#shapes.set(key, readSqliteShape(this.#reader, table));
    return this.#shapes.get(key);
  }

  /** A table's schema for the record. */
  schema(table: TableName): SchemaState {
    this.#dropStale();
    const key = keyOf(table);
    const schema = this.#schemas.get(key) ?? readSqliteSchema(this.#reader, table);
    this.#schemas.set(key, schema);
    return schema;
  }

  /** The schema if it was read before and no table has changed since: one statement, which needs no snapshot. */
  knownSchema(table: TableName): SchemaState | undefined {
    this.#dropStale();
    return this.#schemas.get(keyOf(table));
  }

  /** Does any table refer to another by a foreign key? */
  hasForeignKeys(): boolean {
    this.#dropStale();
    this.#hasForeignKeys ??=
      this.#reader.all("SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND sql LIKE '%REFERENCES%' LIMIT 1")
        .length > 0;
    return this.#hasForeignKeys;
  }

  /** What a change of these tables may bring with it. */
  reach(tables: readonly TableName[]): Reach {
    this.#dropStale();
    this.#reach ??= readSqliteReach(this.#reader);
    return reachFrom(this.#reach, tables);
  }

  /** After a rollback. */
  forget(): void {
    this.#schemaVersion = undefined;
    this.#view = undefined;
  }

  #dropStale(): void {
    const view = this.#reader.schemaView;
    if (view !== undefined && view === this.#view) return;
    this.#view = view;
    const version = this.#reader.all('PRAGMA schema_version')[0]![0];
    if (version === this.#schemaVersion) return;
    this.#shapes.clear();
    this.#schemas.clear();
    this.#hasForeignKeys = undefined;
    this.#reach = undefined;
    this.#schemaVersion = version;
  }
}

function keyOf({ schema, name }: TableName): string {
  return JSON.stringify([schema, name]);
}
