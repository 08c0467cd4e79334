/**
 * Schemas of tables as this process read them last.
 *
 * Invariants
 * 1. One may be out of date: only what a transaction compares, before it changes anything, may lean on it.
 * 2. What a transaction reads after it has run a step's statement is not kept: it may never be committed.
 */
import type { SchemaState } from '../../../model/record/world.ts';
import { parseTableName } from '../table-name.ts';
import { readPostgresSchema } from './schema.ts';
import type { PostgresSession } from './session.ts';

const MAX_KNOWN_SCHEMAS = 500;

export class KnownSchemas {
  /** By the table's name as the request spells it. */
  readonly #states = new Map<string, SchemaState>();

  get(table: string): SchemaState | undefined {
    return this.#states.get(table);
  }

  /** Reads it anew. `mayKeep`: see invariant 2. */
  async read(session: PostgresSession, table: string, mayKeep = true): Promise<SchemaState> {
    const { state } = await readPostgresSchema(session, parseTableName(table));
    if (!mayKeep) return state;
    this.#states.delete(table);
    if (state.kind === 'schema' && this.#states.size < MAX_KNOWN_SCHEMAS) this.#states.set(table, state);
    return state;
  }

  /** A step's statement may have changed any table. */
  forget(): void {
    this.#states.clear();
  }
}
