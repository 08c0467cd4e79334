/**
 * What a change of rows may bring with it that nobody has asked for: rows that a foreign key changes with its target,
 * and whatever triggers and rules do.
 */
import type { Json, JsonObject } from '../../model/canonical-json.ts';

/** A foreign key with an action: rows of `table` are deleted or changed together with the row that they refer to. */
export interface FollowingKey {
  readonly table: string;
  readonly columns: readonly string[];
  readonly target: string;
  readonly targetColumns: readonly string[];
  readonly onDelete: KeyAction;
  readonly onUpdate: KeyAction;
}

export type KeyAction = 'none' | 'cascade' | 'set null' | 'set default';

/** A trigger, or a rule of PostgreSQL: what it does is not known before it has done it. */
export interface OwnAct {
  readonly kind: 'trigger' | 'rule';
  readonly name: string;
  readonly table: string;
}

/** Of some tables, and of what foreign keys lead to from there. */
export interface Reach {
  readonly keys: readonly FollowingKey[];
  readonly acts: readonly OwnAct[];
  /** The only tables that the acts, and what they set off, can change. Absent: nobody can tell. */
  readonly actsChange?: readonly string[];
}

/** Rows of a table whose columns have one of these combinations of values. */
export interface ReferringRequest {
  readonly table: string;
  readonly columns: readonly string[];
  readonly values: readonly (readonly Json[])[];
  readonly limit: number;
}

/** A whole row: every column that can be written. */
export interface FoundRow {
  /** Undefined: the table has no key that tells its rows apart. */
  readonly key: JsonObject | undefined;
  readonly columns: JsonObject;
}

/** Changes of rows in one table, since counting began. */
export interface CountedChanges {
  readonly table: string;
  /** Keys of rows that are there now and were not, or were otherwise. Undefined: nobody can tell which rows. */
  readonly written: readonly JsonObject[] | undefined;
  readonly deleted: number;
}

export function hasReach({ keys, acts }: Reach): boolean {
  return keys.length > 0 || acts.length > 0;
}
