/**
 * The shapes and schemas of tables that one transaction works with.
 *
 * Invariants
 * 1. What a transaction reads of the catalog is shared with later ones only while it has changed no schema itself.
 * 2. A shape from an earlier transaction may be out of date; then the server refuses the statement, the shapes are
 *    forgotten and the failure is `busy`: the next attempt reads them anew. A column that a shape lacks is looked for
 *    anew.
 */
import { HoldfastError, isFailure } from '../../../model/failure.ts';
import { isAboutSchema } from './failure.ts';
import { KnownSchemas } from './known-schemas.ts';
import { readPostgresShapes } from './shape.ts';
import type { PostgresSession } from './session.ts';
import type { SchemaState } from '../../../model/record/world.ts';
import type { RowRequest } from '../database.ts';
import { columnOf, type TableShape } from '../table-shape.ts';
import { parseTableName } from '../table-name.ts';

/** Shapes by the table's name as the request spells it, shared by the transactions of one database. */
export type SharedShapes = Map<string, TableShape>;

const MAX_SHARED_SHAPES = 500;

/** Shapes of all of these tables with all of these columns; undefined where one of them was not read yet. */
export function knownShapes(
  shared: SharedShapes,
  requested: Iterable<readonly [table: string, columns: Iterable<string>]>,
): ReadonlyMap<string, TableShape> | undefined {
  const known = new Map<string, TableShape>();
  for (const [table, columns] of requested) {
    const shape = shared.get(table);
    if (shape === undefined || !hasColumns(shape, columns)) return undefined;
    known.set(table, shape);
  }
  return known;
}

function hasColumns(shape: TableShape, columns: Iterable<string>): boolean {
  for (const column of columns) if (columnOf(shape, column) === undefined) return false;
  return true;
}

export class PostgresShapes {
  readonly #session: PostgresSession;
  readonly #shared: SharedShapes;
  readonly #schemas: KnownSchemas;
  readonly #own = new Map<string, TableShape | undefined>();
  #mayShare = true;
  #usedShared = false;

  constructor(session: PostgresSession, shared: SharedShapes, schemas = new KnownSchemas()) {
    this.#session = session;
    this.#shared = shared;
    this.#schemas = schemas;
  }

  /** A step's own statement may have changed any table. */
  forget(): void {
    this.#own.clear();
    this.#schemas.forget();
    this.#mayShare = false;
  }

  readSchema(table: string): Promise<SchemaState> {
    return this.#schemas.read(this.#session, table, this.#mayShare);
  }

  /** The shapes of these tables, those that are there. `columns`: what each is expected to have. */
  async get(
    requested: Iterable<readonly [table: string, columns: Iterable<string>]>,
  ): Promise<ReadonlyMap<string, TableShape>> {
    const found = new Map<string, TableShape>();
    const missing: string[] = [];
    for (const [table, columns] of requested) {
      const shape = this.#own.has(table) ? this.#own.get(table) : this.#sharedShape(table, columns);
      if (shape !== undefined) found.set(table, shape);
      else if (!this.#own.has(table)) missing.push(table);
    }
    if (missing.length === 0) return found;
    const shapes = await readPostgresShapes(this.#session, missing.map(parseTableName));
    for (const [index, table] of missing.entries()) {
      const shape = shapes[index];
      this.#own.set(table, shape);
      if (shape === undefined) continue;
      found.set(table, shape);
      if (this.#mayShare && this.#shared.size < MAX_SHARED_SHAPES) this.#shared.set(table, shape);
    }
    return found;
  }

  /** Begins to write. Those of the tables to be changed that are known are locked before the snapshot. */
  async begin(changed: readonly string[]): Promise<void> {
    const shapes = changed.flatMap((table) => this.#sharedShape(table, []) ?? []);
    const locked = shapes.filter(({ isLockable }) => isLockable).map(({ table }) => table);
    try {
      await this.#session.begin('write snapshot', locked);
    } catch (error) {
      // The table is another kind of thing by now, or the role may no longer change it.
      const isRefused = isFailure(error) && ['42501', '42809'].includes(String(error.details['sqlState']));
      throw isRefused ? this.#lookAnew(error) : error;
    }
  }

  /** A failure that an outdated shape may explain, as one that is tried again. */
  explain(error: HoldfastError): HoldfastError {
    return this.#usedShared && isAboutSchema(error) ? this.#lookAnew(error) : error;
  }

  #lookAnew(error: HoldfastError): HoldfastError {
    this.#shared.clear();
    return new HoldfastError(
      'busy',
      `${error.message} The table may have changed a moment ago; it is looked at anew.`,
      error.details,
      { cause: error },
    );
  }

  #sharedShape(table: string, columns: Iterable<string>): TableShape | undefined {
    const shape = this.#mayShare ? this.#shared.get(table) : undefined;
    if (shape === undefined || !hasColumns(shape, columns)) return undefined;
    this.#usedShared = true;
    return shape;
  }
}

/** What `get` is given for a batch of row requests: of each table the columns that it is expected to have. */
export function requestedColumns(requests: readonly RowRequest[]): ReadonlyMap<string, ReadonlySet<string>> {
  const requested = new Map<string, Set<string>>();
  for (const request of requests) {
    let columns = requested.get(request.table);
    if (columns === undefined) requested.set(request.table, (columns = new Set()));
    for (const column of Object.keys(request.key)) columns.add(column);
    for (const column of request.columns) columns.add(column);
  }
  return requested;
}
