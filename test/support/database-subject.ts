/**
 * A database under test: how it is reached, also past the code under test, and what its tests share. The subject's own
 * test file says how each is made.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type fc from 'fast-check';
import type { Database, DatabaseTransaction } from '../../src/effects/database/database.ts';
import type { Json, JsonObject } from '../../src/model/canonical-json.ts';
import { isFailure } from '../../src/model/failure.ts';
import type { FailureType } from '../../src/model/failures.ts';
import type { RowChange } from '../../src/model/record/effect.ts';
import { ABSENT, type RowState } from '../../src/model/record/world.ts';

/** One empty database for one test, and ways to reach it that do not go through the code under test. */
export interface Subject {
  readonly url: string;
  open(): Promise<Database>;
  /** Runs statements as somebody else, each committed at once. */
  direct(...statements: readonly string[]): Promise<void>;
  /** Takes what a writer of table `item`, row 1 needs, as somebody else; returns how to let go. */
  hold(): Promise<() => Promise<void>>;
  /**
   * Copies the database as it is now; returns how to put the copy in its place. Nothing may be connected at either
   * time.
   */
  backUp(): Promise<() => Promise<void>>;
}

export interface Conformance {
  readonly dialect: Database['dialect'];
  setUp(context: TestContext): Promise<Subject>;
  /** Columns to round-trip values through, with what may be in them. */
  readonly valueColumns: readonly { readonly type: string; readonly values: fc.Arbitrary<Json> }[];
}

export const TIMEOUTS = { lockTimeoutMs: 2000, statementTimeoutMs: 5000, idleTimeoutMs: 30_000 } as const;
export const JOB = 'job@run';
export const TOKEN = 'a'.repeat(64);
export const OTHER_TOKEN = 'b'.repeat(64);
export const INTENT = 'c'.repeat(64);
export const OTHER_INTENT = 'd'.repeat(64);
export const ITEM = 'CREATE TABLE item (id integer PRIMARY KEY, label text, amount numeric)';

export function change(kind: RowChange['kind'], table: string, key: JsonObject, values: JsonObject = {}): RowChange {
  return { kind, database: 'main', table, key, values, columns: [], before: ABSENT };
}

/** Runs one transaction to its end. */
export async function transact<T>(
  database: Database,
  body: (transaction: DatabaseTransaction) => Promise<T>,
): Promise<T> {
  const transaction = await database.begin(TIMEOUTS);
  try {
    const result = await body(transaction);
    await transaction.settle();
    await transaction.commit();
    return result;
  } finally {
    await transaction.rollback();
  }
}

export async function rowOf(
  database: Pick<Database, 'rows'>,
  table: string,
  key: JsonObject,
  columns: readonly string[],
): Promise<RowState> {
  return (await database.rows([{ table, key, columns }]))[0]!;
}

export async function assertFails(
  promise: Promise<unknown>,
  type: FailureType,
  ...said: readonly (string | RegExp)[]
): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(isFailure(error), `expected a HoldfastError, found ${String(error)}`);
    assert.equal(error.type, type, error.message);
    for (const part of said)
      assert.match(
        error.message,
        typeof part === 'string' ? new RegExp(part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')) : part,
      );
    return true;
  });
}
/** A test of the conformance: its name, and what it does with one subject and one open database of it. */
export type Check = (name: string, body: (subject: Subject, database: Database) => Promise<void>) => void;

/** Checks of one implementation; each has a database of its own, open, and closed after it. */
export function checkOf(conformance: Conformance): Check {
  return (name, body) =>
    void test(`${conformance.dialect}: ${name}`, async (context) => {
      const subject = await conformance.setUp(context);
      const database = await subject.open();
      try {
        await body(subject, database);
      } finally {
        await database.close();
      }
    });
}
