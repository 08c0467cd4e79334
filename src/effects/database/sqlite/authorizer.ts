/**
 * What a statement may do, decided by SQLite's authorizer while it is compiled.
 *
 * Invariants
 * 1. A statement that reads can do nothing else.
 * 2. A step's own statement can't touch the transaction, attach another file, leave temporary objects or change
 *    settings that outlive it, or change Holdfast's tables.
 */
import { constants } from 'node:sqlite';
import { HOLDFAST_TABLES } from '../table-name.ts';

/** As the driver calls it. */
export type Authorizer = (action: number, first: string | null, second: string | null, schema: string | null) => number;

/** Pragmas that only tell something: the ones that a step may use, with or without an argument. */
const READING_PRAGMAS: ReadonlySet<string> = new Set([
  'table_info',
  'table_xinfo',
  'table_list',
  'index_list',
  'index_info',
  'index_xinfo',
  'foreign_key_list',
  'foreign_key_check',
  'integrity_check',
  'quick_check',
  'function_list',
  'collation_list',
  'database_list',
  'compile_options',
]);

/** Pragmas that tell something without an argument and change it with one. */
const VALUE_PRAGMAS: ReadonlySet<string> = new Set([
  'user_version',
  'application_id',
  'schema_version',
  'page_count',
  'page_size',
  'encoding',
  'journal_mode',
  'freelist_count',
  'synchronous',
  'foreign_keys',
  'busy_timeout',
]);

/** What is made in `temp` stays on the worker's connection: the next step finds it, and it hides tables of its name. */
const CREATING: ReadonlySet<number> = new Set([
  constants.SQLITE_CREATE_TABLE,
  constants.SQLITE_CREATE_INDEX,
  constants.SQLITE_CREATE_VIEW,
  constants.SQLITE_CREATE_TRIGGER,
  constants.SQLITE_CREATE_VTABLE,
  constants.SQLITE_CREATE_TEMP_TABLE,
  constants.SQLITE_CREATE_TEMP_INDEX,
  constants.SQLITE_CREATE_TEMP_VIEW,
  constants.SQLITE_CREATE_TEMP_TRIGGER,
]);

const { SQLITE_OK, SQLITE_DENY } = constants;

/** For statements that read. `authorize` also notes which tables they read. */
export class ReadAuthorizer {
  #tablesRead = new Set<string>();
  #isForeign = false;

  /**
   * While `run` runs, the statement is a step's own.
   * @returns its result, and the names of tables (or views) that it read
   */
  foreign<T>(run: () => T): { readonly result: T; readonly tables: readonly string[] } {
    // SQLite names a table for each column that the compiler meets, or once with an empty column (count(*)).
    this.#tablesRead = new Set();
    this.#isForeign = true;
    try {
      return { result: run(), tables: [...this.#tablesRead] };
    } finally {
      this.#isForeign = false;
    }
  }

  readonly authorize: Authorizer = (action, first, second, schema) => {
    switch (action) {
      case constants.SQLITE_READ:
        if (first !== null && schema !== 'temp') this.#tablesRead.add(first);
        return SQLITE_OK;
      case constants.SQLITE_SELECT:
      case constants.SQLITE_FUNCTION:
      case constants.SQLITE_RECURSIVE:
        return SQLITE_OK;
      case constants.SQLITE_PRAGMA:
        return allowed(!this.#isForeign || isReadingPragma(first, second));
      case constants.SQLITE_TRANSACTION:
        return allowed(!this.#isForeign);
      default:
        return SQLITE_DENY;
    }
  };
}

/** For a step's own statement that writes. */
export const authorizeWrite: Authorizer = (action, first, second, schema) => {
  if (schema === 'temp' && CREATING.has(action)) return SQLITE_DENY;
  switch (action) {
    case constants.SQLITE_TRANSACTION:
    case constants.SQLITE_SAVEPOINT:
    case constants.SQLITE_ATTACH:
    case constants.SQLITE_DETACH:
      return SQLITE_DENY;
    case constants.SQLITE_PRAGMA:
      return allowed(isReadingPragma(first, second) || first === 'user_version' || first === 'application_id');
    case constants.SQLITE_INSERT:
    case constants.SQLITE_UPDATE:
    case constants.SQLITE_DELETE:
    case constants.SQLITE_DROP_TABLE:
      return allowed(!isReserved(first));
    case constants.SQLITE_ALTER_TABLE:
      return allowed(!isReserved(second));
    default:
      return SQLITE_OK;
  }
};

function allowed(isAllowed: boolean): number {
  return isAllowed ? SQLITE_OK : SQLITE_DENY;
}

function isReadingPragma(name: string | null, argument: string | null): boolean {
  return READING_PRAGMAS.has(name ?? '') || (argument === null && VALUE_PRAGMAS.has(name ?? ''));
}

function isReserved(table: string | null): boolean {
  return HOLDFAST_TABLES.some((reserved) => reserved === table?.toLowerCase());
}
