/**
 * What every implementation of `Database` must do, run over each by its own test file.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import type { Database, DatabaseTransaction } from '../../src/effects/database/database.ts';
import { describeSchemaDifference } from '../../src/effects/database/schema-difference.ts';
import type { Json, JsonObject } from '../../src/model/canonical-json.ts';
import { isFailure } from '../../src/model/failure.ts';
import type { FailureType } from '../../src/model/failures.ts';
import type { RowChange } from '../../src/model/record/effect.ts';
import { ABSENT, sameState, type RowState, type TokenState } from '../../src/model/record/world.ts';

/** One empty database for one test, and ways to reach it that do not go through the code under test. */
export interface Subject {
  readonly url: string;
  open(): Promise<Database>;
  /** Runs statements as somebody else, each committed at once. */
  direct(...statements: readonly string[]): Promise<void>;
  /** Takes what a writer of table `item`, row 1 needs, as somebody else; returns how to let go. */
  hold(): Promise<() => Promise<void>>;
  /** Copies the database as it is now; returns how to put the copy in its place. Nothing may be connected at either time. */
  backUp(): Promise<() => Promise<void>>;
}

export interface Conformance {
  readonly dialect: Database['dialect'];
  setUp(context: TestContext): Promise<Subject>;
  /** Columns to round-trip values through, with what may be in them. */
  readonly valueColumns: readonly { readonly type: string; readonly values: fc.Arbitrary<Json> }[];
}

export const TIMEOUTS = { lockTimeoutMs: 2000, statementTimeoutMs: 5000, idleTimeoutMs: 30_000 } as const;
const JOB = 'job@run';
const TOKEN = 'a'.repeat(64);
const OTHER_TOKEN = 'b'.repeat(64);
const INTENT = 'c'.repeat(64);
const OTHER_INTENT = 'd'.repeat(64);
const ITEM = 'CREATE TABLE item (id integer PRIMARY KEY, label text, amount numeric)';

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

export function databaseConformance(conformance: Conformance): void {
  const { dialect } = conformance;
  const check = (name: string, body: (subject: Subject, database: Database) => Promise<void>): void => {
    void test(`${dialect}: ${name}`, async (context) => {
      const subject = await conformance.setUp(context);
      const database = await subject.open();
      try {
        await body(subject, database);
      } finally {
        await database.close();
      }
    });
  };

  check('an empty database has no tables, rows, tokens or fences', async (_subject, database) => {
    assert.deepEqual(await database.schema('item'), ABSENT);
    assert.deepEqual(await rowOf(database, 'item', { id: 1 }, ['label']), ABSENT);
    assert.deepEqual(await database.tokens([TOKEN]), new Map([[TOKEN, ABSENT]]));
    assert.deepEqual(await database.tokensOfJob(JOB), []);
    assert.equal(await database.fence(JOB), undefined);
    assert.deepEqual(await database.rows([]), []);
  });

  check("Holdfast's tables are created once, also by many at once, and nothing else is", async (subject, database) => {
    const others = await Promise.all([0, 1, 2].map(() => subject.open()));
    await Promise.all([database, ...others].map((each) => each.ensureHoldfastTables()));
    await database.ensureHoldfastTables();
    await Promise.all(others.map((each) => each.close()));
    const names =
      dialect === 'sqlite'
        ? "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
        : "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename";
    assert.deepEqual((await database.query(names, [])).rows, [{ name: 'holdfast_fence' }, { name: 'holdfast_token' }]);
    assert.equal(((await database.schema('holdfast_token')) as { indexes: string[] }).indexes.length, 1);
  });

  check("another table under Holdfast's name is called foreign and left alone", async (subject, database) => {
    await subject.direct('CREATE TABLE holdfast_token (id integer PRIMARY KEY, token text)');
    await assert.rejects(
      database.ensureHoldfastTables(),
      (error) =>
        isFailure(error, 'sql-failed') && error.details['foreign'] === true && error.message.includes('job_id'),
    );
    assert.equal(await database.fence(JOB), undefined);
    assert.equal((await database.schema('holdfast_fence')).kind, 'absent');
  });

  check('the identity stays while the database does, also for another process', async (subject, database) => {
    await database.ensureHoldfastTables();
    const identity = await database.identity();
    const again = await subject.open();
    assert.deepEqual(await again.identity(), identity);
    await transact(again, async (transaction) => assert.deepEqual(await transaction.identity(), identity));
    await again.close();
    assert.notEqual(identity.system, '');
  });

  check('a fence rises, never falls, and lets only its own term pass', async (_subject, database) => {
    await database.ensureHoldfastTables();
    assert.deepEqual(await database.raiseFence(JOB, 3), { term: 3, lastToken: null });
    assert.deepEqual(await database.raiseFence(JOB, 2), { term: 3, lastToken: null });
    await transact(database, async (transaction) => {
      assert.equal(await transaction.passFence(JOB, 2, TOKEN), false);
      assert.equal(await transaction.passFence(JOB, 4, TOKEN), false);
      assert.equal(await transaction.passFence('other', 3, TOKEN), false);
      assert.equal(await transaction.passFence(JOB, 3, TOKEN), true);
    });
    assert.deepEqual(await database.fence(JOB), { term: 3, lastToken: TOKEN });
    await database.resetFence(JOB, { term: 5, lastToken: null });
    assert.deepEqual(await database.fence(JOB), { term: 5, lastToken: null });
  });

  check('a token is taken once; another intent finds what the first left', async (_subject, database) => {
    await database.ensureHoldfastTables();
    await transact(database, async (transaction) => {
      assert.deepEqual(await transaction.takeToken(TOKEN, JOB, INTENT), { outcome: 'taken' });
      await transaction.noteRows(TOKEN, 'digests');
    });
    await transact(database, async (transaction) => {
      const there = { outcome: 'there', state: { kind: 'token', intent: INTENT, rows: 'digests' } };
      assert.deepEqual(await transaction.takeToken(TOKEN, JOB, OTHER_INTENT), there);
      assert.deepEqual(await transaction.takeToken(OTHER_TOKEN, JOB, OTHER_INTENT), { outcome: 'taken' });
    });
    assert.deepEqual(await database.tokensOfJob(JOB), [TOKEN, OTHER_TOKEN]);
    await transact(database, (transaction) => transaction.dropToken(OTHER_TOKEN));
    const states = await database.tokens([TOKEN, OTHER_TOKEN]);
    assert.deepEqual(
      states,
      new Map<string, TokenState>([
        [TOKEN, { kind: 'token', intent: INTENT, rows: 'digests' }],
        [OTHER_TOKEN, ABSENT],
      ]),
    );
    assert.deepEqual(await database.tokensOfJob('other'), []);
  });

  check('fence and token may be sent together', async (_subject, database) => {
    await database.ensureHoldfastTables();
    await database.raiseFence(JOB, 1);
    await transact(database, async (transaction) => {
      assert.deepEqual(
        await Promise.all([transaction.passFence(JOB, 1, TOKEN), transaction.takeToken(TOKEN, JOB, INTENT)]),
        [true, { outcome: 'taken' }],
      );
    });
  });

  check(
    'of two that take one token at once, one waits and finds it taken, or is told to try again',
    async (subject, database) => {
      await database.ensureHoldfastTables();
      const other = await subject.open();
      const first = await database.begin(TIMEOUTS);
      await first.takeToken(TOKEN, JOB, INTENT);
      const second = (async () => {
        const transaction = await other.begin(TIMEOUTS);
        try {
          return (await transaction.takeToken(TOKEN, JOB, OTHER_INTENT)).outcome;
        } catch (error) {
          return isFailure(error) ? error.type : String(error);
        } finally {
          await transaction.rollback();
        }
      })();
      await first.noteRows(TOKEN, '');
      await first.commit();
      assert.ok(['there', 'busy'].includes(await second));
      await other.close();
    },
  );

  check(
    'rows are inserted, upserted, updated, deleted, and read back as the database keeps them',
    async (subject, database) => {
      await subject.direct(ITEM);
      const read = (transaction: Pick<Database, 'rows'>): Promise<RowState> =>
        rowOf(transaction, 'item', { id: 1 }, ['id', 'label']);
      await transact(database, async (transaction) => {
        await transaction.applyRow(change('row.insert', 'item', { id: 1 }, { label: 'a' }));
        assert.deepEqual(await read(transaction), { kind: 'row', columns: { id: 1, label: 'a' } });
        await transaction.applyRow(change('row.upsert', 'item', { id: 1 }, { label: 'b' }));
        await transaction.applyRow(change('row.upsert', 'item', { id: 2 }, { label: 'new' }));
        assert.deepEqual(await read(transaction), { kind: 'row', columns: { id: 1, label: 'b' } });
        await transaction.applyRow(change('row.update', 'item', { id: 1 }, { label: 'c' }));
        assert.deepEqual(await read(transaction), { kind: 'row', columns: { id: 1, label: 'c' } });
        assert.deepEqual(await read(database), ABSENT);
      });
      assert.deepEqual(await read(database), { kind: 'row', columns: { id: 1, label: 'c' } });
      await transact(database, async (transaction) => {
        await transaction.applyRow(change('row.delete', 'item', { id: 1 }));
        await transaction.applyRow(change('row.delete', 'item', { id: 99 }));
      });
      assert.deepEqual(
        await database.rows([1, 2, 1].map((id) => ({ table: 'item', key: { id }, columns: ['label'] }))),
        [ABSENT, { kind: 'row', columns: { label: 'new' } }, ABSENT],
      );
    },
  );

  check('a rolled back transaction leaves nothing, and rolling back again is no error', async (subject, database) => {
    await subject.direct(ITEM);
    await database.ensureHoldfastTables();
    const transaction = await database.begin(TIMEOUTS);
    await transaction.takeToken(TOKEN, JOB, INTENT);
    await transaction.applyRow(change('row.insert', 'item', { id: 1 }, { label: 'a' }));
    await transaction.applySql({ text: 'CREATE TABLE made (id integer PRIMARY KEY)', params: [] });
    assert.equal((await transaction.schema('made')).kind, 'schema');
    await transaction.rollback();
    await transaction.rollback();
    assert.deepEqual(await rowOf(database, 'item', { id: 1 }, ['label']), ABSENT);
    assert.deepEqual((await database.tokens([TOKEN])).get(TOKEN), ABSENT);
    assert.equal((await database.schema('made')).kind, 'absent');
    await assertFails(transaction.keepAlive(), 'defect');
  });

  check(
    'closing does not wait for ever for a transaction that nobody ends, and commits nothing of it',
    async (subject, database) => {
      await subject.direct(ITEM);
      const forgetful = await subject.open();
      const transaction = await forgetful.begin(TIMEOUTS);
      await transaction.applyRow(change('row.insert', 'item', { id: 1 }));
      await forgetful.close();
      await assert.rejects(transaction.commit(), (error) => isFailure(error));
      await transaction.rollback();
      assert.deepEqual(await rowOf(database, 'item', { id: 1 }, []), ABSENT);
    },
  );

  check('many changes to rows at once do what they do one by one', async (subject, database) => {
    for (const table of ['bulk_a', 'bulk_b'])
      await subject.direct(`CREATE TABLE ${table} (id integer PRIMARY KEY, label text, size integer DEFAULT 7)`);
    const changesOf = (table: string): RowChange[] => {
      const many = (count: number, make: (n: number) => RowChange): RowChange[] =>
        Array.from({ length: count }, (_none, n) => make(n));
      return [
        ...many(1_201, (n) => change('row.insert', table, { id: n }, { label: `first ${n}` })),
        ...many(40, (n) => change('row.upsert', table, { id: n + 1_190 }, { label: `upserted ${n}`, size: n })),
        ...many(40, (n) => change('row.update', table, { id: n }, { label: `updated ${n}` })),
        ...many(40, (n) => change('row.delete', table, { id: n + 20 })),
        ...many(20, (n) =>
          change(
            n % 2 === 0 ? 'row.insert' : 'row.update',
            table,
            { id: n % 2 === 0 ? n + 2_000 : n + 1_999 },
            { label: `alternating ${n}` },
          ),
        ),
      ];
    };
    await transact(database, (transaction) => transaction.applyRows(changesOf('bulk_a')));
    await transact(database, async (transaction) => {
      for (const each of changesOf('bulk_b')) await transaction.applyRow(each);
    });
    const rowsOf = async (table: string): Promise<unknown> =>
      (await database.query(`SELECT id, label, size FROM ${table} ORDER BY id`, [])).rows;
    assert.deepEqual(await rowsOf('bulk_a'), await rowsOf('bulk_b'));
    assert.equal((await database.query('SELECT count(*) AS n FROM bulk_a', [])).rows[0]!['n'], 1_201 + 29 - 40 + 10);
  });

  check('many rows of a table with a trigger come to it one by one', async (subject, database) => {
    const body =
      dialect === 'sqlite'
        ? [
            'CREATE TRIGGER counted AFTER INSERT ON watched BEGIN INSERT INTO seen (id, n) SELECT new.id, count(*) FROM watched; END',
          ]
        : [
            'CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen SELECT new.id, count(*) FROM watched; RETURN NULL; END $$',
            'CREATE TRIGGER counted AFTER INSERT ON watched FOR EACH ROW EXECUTE FUNCTION counted()',
          ];
    await subject.direct(
      'CREATE TABLE watched (id integer PRIMARY KEY)',
      'CREATE TABLE seen (id integer PRIMARY KEY, n integer)',
      ...body,
    );
    await transact(database, (transaction) =>
      transaction.applyRows(Array.from({ length: 30 }, (_none, n) => change('row.insert', 'watched', { id: n }))),
    );
    assert.deepEqual(
      (await database.query('SELECT n FROM seen ORDER BY id', [])).rows.map(({ n }) => n),
      Array.from({ length: 30 }, (_none, n) => n + 1),
    );
  });

  check('many wide rows stay below what one statement may carry', async (subject, database) => {
    const columns = Array.from({ length: 150 }, (_none, n) => `c${n}`);
    await subject.direct(
      `CREATE TABLE wide (id integer PRIMARY KEY, ${columns.map((column) => `${column} integer`).join(', ')})`,
    );
    const values = Object.fromEntries(columns.map((column, n) => [column, n]));
    await transact(database, (transaction) =>
      transaction.applyRows(
        Array.from({ length: 1_000 }, (_none, n) => change('row.insert', 'wide', { id: n }, values)),
      ),
    );
    assert.deepEqual((await database.query('SELECT count(*) AS n, sum(c149) AS s FROM wide', [])).rows, [
      { n: 1_000, s: 149_000 },
    ]);
  });

  check('of many changes at once one that fails is told, and nothing is committed', async (subject, database) => {
    await subject.direct(ITEM, 'INSERT INTO item (id) VALUES (25)');
    const fails = async (changes: readonly RowChange[], ...said: (string | RegExp)[]): Promise<void> => {
      const transaction = await database.begin(TIMEOUTS);
      await assertFails(transaction.applyRows(changes), 'sql-failed', ...said);
      await assertFails(transaction.commit(), 'sql-failed', 'rolled back');
      await transaction.rollback();
      assert.deepEqual((await database.query('SELECT id FROM item', [])).rows, [{ id: 25 }]);
    };
    const ids = Array.from({ length: 30 }, (_none, n) => n);
    await fails(
      ids.map((id) => change('row.insert', 'item', { id })),
      /SQLSTATE 23505|SQLite code 1555/,
    );
    await fails(
      ids.map((id) => change('row.update', 'item', { id }, { label: 'x' })),
      'no row',
      '"id":0',
    );
    await fails(
      [
        ...ids.map((id) => change('row.upsert', 'item', { id }, { label: 'x' })),
        change('row.insert', 'item', { id: 1 }),
      ],
      /SQLSTATE 23505|SQLite code 1555/,
    );
  });

  check(
    'a row without a usable key, an unknown table or column, and Holdfast’s own tables are refused',
    async (subject, database) => {
      await subject.direct(ITEM, 'CREATE TABLE keyless (a integer)');
      await database.ensureHoldfastTables();
      const refused = async (bad: RowChange, type: FailureType, ...said: string[]): Promise<void> => {
        const transaction = await database.begin(TIMEOUTS);
        await assertFails(transaction.applyRow(bad), type, ...said);
        await transaction.rollback();
      };
      await refused(change('row.insert', 'keyless', { a: 1 }), 'no-key', 'keyless');
      await refused(change('row.update', 'item', { label: 'x' }, { amount: 1 }), 'no-key', 'label', '(id)');
      await refused(change('row.upsert', 'item', { id: null }, { label: 'x' }), 'no-key');
      await refused(change('row.insert', 'nowhere', { id: 1 }), 'unknown-table', 'nowhere');
      await refused(change('row.insert', 'item', { id: 1 }, { colour: 'red' }), 'sql-failed', 'colour', 'label');
      await refused(change('row.update', 'item', { id: 1 }, { id: 2 }), 'bad-input');
      await refused(change('row.update', 'item', { id: 1 }, { label: 'x' }), 'sql-failed', 'no row');
      await refused(change('row.delete', 'holdfast_token', { token: TOKEN }), 'bad-input', 'own');
    },
  );

  check('a transaction in which a call failed commits nothing', async (subject, database) => {
    await subject.direct(ITEM);
    const transaction = await database.begin(TIMEOUTS);
    await transaction.applyRow(change('row.insert', 'item', { id: 1 }, { label: 'a' }));
    await assertFails(
      transaction.applySql({ text: 'INSERT INTO item (id) VALUES (1)', params: [] }),
      'sql-failed',
      'main',
      'INSERT INTO item',
      /SQLSTATE 23505|SQLite code 1555/,
    );
    await assertFails(transaction.commit(), 'sql-failed', 'rolled back');
    await transaction.rollback();
    assert.deepEqual(await rowOf(database, 'item', { id: 1 }, ['label']), ABSENT);
  });

  check('a step’s statement cannot end or split the transaction, nor be two', async (subject, database) => {
    await subject.direct(ITEM);
    for (const text of [
      'COMMIT',
      ' /* x */ -- y\n commit',
      'ROLLBACK',
      'BEGIN',
      'END',
      'SAVEPOINT a',
      'INSERT INTO item (id) VALUES (1); COMMIT',
      'INSERT INTO item (id) VALUES (1); SELECT 1',
    ]) {
      const transaction = await database.begin(TIMEOUTS);
      await transaction.applyRow(change('row.insert', 'item', { id: 5 }));
      await assertFails(transaction.applySql({ text, params: [] }), 'sql-failed');
      await transaction.rollback();
    }
    assert.deepEqual((await database.query('SELECT count(*) AS n FROM item', [])).rows, [{ n: 0 }]);
  });

  check('a query reads, with parameters, and names the tables behind views', async (subject, database) => {
    await subject.direct(
      ITEM,
      'CREATE TABLE other (id integer PRIMARY KEY)',
      "INSERT INTO item (id, label) VALUES (1, 'a'), (2, 'b')",
      'CREATE VIEW shown AS SELECT item.id FROM item LEFT JOIN other ON other.id = item.id',
    );
    const placeholder = dialect === 'sqlite' ? '?' : '$1';
    assert.deepEqual(await database.query(`SELECT id, label FROM item WHERE id > ${placeholder}`, [1]), {
      rows: [{ id: 2, label: 'b' }],
      tables: ['item'],
    });
    assert.deepEqual((await database.query('SELECT count(*) AS n FROM shown', [])).tables, ['item', 'other']);
    assert.deepEqual((await database.query('WITH x AS (SELECT 1 AS one) SELECT one FROM x', [])).tables, []);
    await transact(database, async (transaction) => {
      await transaction.applyRow(change('row.insert', 'item', { id: 3 }));
      assert.deepEqual((await transaction.query('SELECT count(*) AS n FROM item', [])).rows, [{ n: 3 }]);
    });
    await assertFails(database.query('SELECT 1 AS a, 2 AS a', []), 'sql-failed', '"a"');
    await assertFails(database.query('SELECT * FROM nowhere', []), 'unknown-table', 'nowhere');
    await assertFails(database.query('SELEC 1', []), 'sql-failed', 'SELEC');
    await assertFails(database.query('SELECT 1', [], AbortSignal.abort()), 'cancelled');
  });

  check('a query that writes is refused by the database itself, in a transaction too', async (subject, database) => {
    await subject.direct(ITEM, 'INSERT INTO item (id) VALUES (1)');
    const writes = [
      'INSERT INTO item (id) VALUES (2)',
      'UPDATE item SET id = 3',
      'DELETE FROM item',
      'DROP TABLE item',
      'CREATE TABLE x (a integer)',
      'INSERT INTO item (id) VALUES (2) RETURNING id',
      'COMMIT',
    ];
    for (const sql of writes) await assertFails(database.query(sql, []), 'sql-failed');
    for (const sql of writes) {
      const transaction = await database.begin(TIMEOUTS);
      await assertFails(transaction.query(sql, []), 'sql-failed');
      await transaction.rollback();
    }
    assert.deepEqual((await database.query('SELECT id FROM item', [])).rows, [{ id: 1 }]);
  });

  check('constraints put off to COMMIT are caught by settle, before COMMIT', async (subject, database) => {
    await subject.direct(
      'CREATE TABLE parent (id integer PRIMARY KEY)',
      'CREATE TABLE child (id integer PRIMARY KEY, parent integer REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)',
    );
    await database.ensureHoldfastTables();
    const transaction = await database.begin(TIMEOUTS);
    await transaction.applyRow(change('row.insert', 'child', { id: 1 }, { parent: 9 }));
    await assertFails(transaction.settle(), 'sql-failed', /foreign key/i);
    await transaction.rollback();
    // Put right in time, the same order is fine.
    await transact(database, async (again) => {
      await again.applyRow(change('row.insert', 'child', { id: 1 }, { parent: 9 }));
      await again.applyRow(change('row.insert', 'parent', { id: 9 }));
    });
    const unsettled = await database.begin(TIMEOUTS);
    await unsettled.takeToken(TOKEN, JOB, INTENT);
    await unsettled.applyRow(change('row.insert', 'child', { id: 2 }, { parent: 8 }));
    await assertFails(unsettled.noteRows(TOKEN, ''), 'sql-failed', /foreign key/i);
    await unsettled.rollback();
  });

  check('what triggers and defaults make of a row is what is read back', async (subject, database) => {
    const body =
      dialect === 'sqlite'
        ? [
            'CREATE TRIGGER shout AFTER INSERT ON noted BEGIN UPDATE noted SET label = upper(label) WHERE id = new.id; END',
          ]
        : [
            'CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.label := upper(new.label); RETURN new; END $$',
            'CREATE TRIGGER shout BEFORE INSERT ON noted FOR EACH ROW EXECUTE FUNCTION shout()',
          ];
    await subject.direct("CREATE TABLE noted (id integer PRIMARY KEY, label text, colour text DEFAULT 'red')", ...body);
    await transact(database, async (transaction) => {
      await transaction.applyRow(change('row.insert', 'noted', { id: 1 }, { label: 'quiet' }));
      await transaction.settle();
      assert.deepEqual(await rowOf(transaction, 'noted', { id: 1 }, ['label', 'colour']), {
        kind: 'row',
        columns: { label: 'QUIET', colour: 'red' },
      });
    });
  });

  check('names may be reserved words, hold quotes, dots, capitals and any letters', async (_subject, database) => {
    const columns = ['select', 'a"b', 'Größe', '日本', 'with space', '__proto__', "o'brien"];
    const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
    const table = 'Order.x"y';
    await transact(database, (transaction) =>
      transaction.applySql({
        text: `CREATE TABLE ${quote(table)} ("key" integer, "Part" text, ${columns.map((name) => `${quote(name)} text`).join(', ')}, PRIMARY KEY ("key", "Part"))`,
        params: [],
      }),
    );
    const key = { key: 1, Part: "it's" };
    const values = Object.fromEntries(columns.map((name, index) => [name, `v${index}`]));
    await transact(database, (transaction) => transaction.applyRow(change('row.upsert', quote(table), key, values)));
    const state = await rowOf(database, quote(table), key, [...columns, 'Part']);
    assert.ok(
      sameState(state, { kind: 'row', columns: Object.fromEntries([...Object.entries(values), ['Part', "it's"]]) }),
    );
    assert.equal((await database.schema(quote(table))).kind, 'schema');
    await assertFails(database.schema('a.b.c'), 'bad-input');
  });

  check(
    'composite keys, in any order of their columns, and other unique keys find their rows',
    async (subject, database) => {
      await subject.direct(
        'CREATE TABLE pair (a integer, b text, c text, slug text NOT NULL UNIQUE, PRIMARY KEY (a, b))',
      );
      await transact(database, async (transaction) => {
        await transaction.applyRow(change('row.insert', 'pair', { b: 'x', a: 1 }, { c: 'one', slug: 's1' }));
        await transaction.applyRow(change('row.upsert', 'pair', { a: 1, b: 'y' }, { c: 'two', slug: 's2' }));
        await transaction.applyRow(change('row.upsert', 'pair', { slug: 's2' }, { a: 1, b: 'y', c: 'three' }));
      });
      const found = await database.rows([
        { table: 'pair', key: { a: 1, b: 'y' }, columns: ['c'] },
        { table: 'pair', key: { b: 'x', a: 1 }, columns: ['c'] },
        { table: 'pair', key: { slug: 's2' }, columns: ['a', 'b'] },
        { table: 'pair', key: { a: 2, b: 'y' }, columns: ['c'] },
      ]);
      assert.deepEqual(found, [
        { kind: 'row', columns: { c: 'three' } },
        { kind: 'row', columns: { c: 'one' } },
        { kind: 'row', columns: { a: 1, b: 'y' } },
        ABSENT,
      ]);
    },
  );

  check(
    'a covered column that was renamed or dropped is left out, and a missing table or key column means absent',
    async (subject, database) => {
      await subject.direct(ITEM, "INSERT INTO item (id, label, amount) VALUES (1, 'a', 2)");
      const read = (): Promise<RowState> => rowOf(database, 'item', { id: 1 }, ['label', 'amount']);
      assert.deepEqual(await read(), { kind: 'row', columns: { label: 'a', amount: 2 } });
      await subject.direct('ALTER TABLE item RENAME COLUMN label TO title');
      assert.deepEqual(await read(), { kind: 'row', columns: { amount: 2 } });
      await transact(database, async (transaction) =>
        assert.deepEqual(await rowOf(transaction, 'item', { id: 1 }, ['label', 'amount']), {
          kind: 'row',
          columns: { amount: 2 },
        }),
      );
      await subject.direct('ALTER TABLE item DROP COLUMN amount');
      assert.deepEqual(await read(), { kind: 'row', columns: {} });
      await subject.direct('ALTER TABLE item RENAME COLUMN id TO number');
      assert.deepEqual(await read(), ABSENT);
      await subject.direct('DROP TABLE item');
      assert.deepEqual(await read(), ABSENT);
    },
  );

  check('a migration between two transactions is seen by the second', async (subject, database) => {
    await subject.direct(ITEM);
    const write = (id: number, values: JsonObject): Promise<void> =>
      transact(database, (transaction) => transaction.applyRow(change('row.insert', 'item', { id }, values)));
    await write(1, { label: 'a' });
    await subject.direct('ALTER TABLE item RENAME COLUMN label TO title');
    await write(2, { title: 'b' });
    await assert.rejects(write(3, { label: 'c' }), (error) => isFailure(error, 'sql-failed', 'busy'));
    await assertFails(write(3, { label: 'c' }), 'sql-failed', 'label');
    await subject.direct('ALTER TABLE item ADD COLUMN colour text');
    await write(4, { colour: 'red' });
    assert.deepEqual(await rowOf(database, 'item', { id: 4 }, ['title', 'colour']), {
      kind: 'row',
      columns: { title: null, colour: 'red' },
    });
  });

  check(
    'putRow brings a row to exactly a state: there, changed, gone, and with columns it does not cover',
    async (subject, database) => {
      await subject.direct(
        "CREATE TABLE kept (id integer PRIMARY KEY, label text, owner text NOT NULL DEFAULT 'theirs', twice integer GENERATED ALWAYS AS (id * 2) STORED)",
        "INSERT INTO kept (id, label, owner) VALUES (1, 'now', 'somebody')",
      );
      const columns = ['id', 'label', 'twice'];
      const wanted: RowState = { kind: 'row', columns: { id: 1, label: 'then', twice: 2 } };
      await transact(database, async (transaction) => {
        await transaction.putRow('kept', { id: 1 }, wanted);
        assert.deepEqual(await rowOf(transaction, 'kept', { id: 1 }, [...columns, 'owner']), {
          kind: 'row',
          columns: { ...wanted.columns, owner: 'somebody' },
        });
        await transaction.putRow('kept', { id: 1 }, ABSENT);
        assert.deepEqual(await rowOf(transaction, 'kept', { id: 1 }, columns), ABSENT);
        await transaction.putRow('kept', { id: 1 }, wanted);
        await transaction.putRow('kept', { id: 2 }, { kind: 'row', columns: {} });
        await transaction.putRow('kept', { id: 2 }, { kind: 'row', columns: { id: 2 } });
      });
      assert.deepEqual(
        await database.rows([1, 2].map((id) => ({ table: 'kept', key: { id }, columns: [...columns, 'owner'] }))),
        [
          { kind: 'row', columns: { ...wanted.columns, owner: 'theirs' } },
          { kind: 'row', columns: { id: 2, label: null, twice: 4, owner: 'theirs' } },
        ],
      );
    },
  );

  check(
    'a schema reads the same again, and shows columns, keys, indexes and constraints',
    async (subject, database) => {
      await subject.direct(
        'CREATE TABLE parent (id integer PRIMARY KEY)',
        "CREATE TABLE full_table (a integer NOT NULL, b text DEFAULT 'x', c integer, parent integer REFERENCES parent (id) ON DELETE CASCADE, PRIMARY KEY (a), CONSTRAINT positive CHECK (c > 0), UNIQUE (b, c))",
        'CREATE INDEX plain ON full_table (c)',
        'CREATE UNIQUE INDEX partial ON full_table (b) WHERE c > 5',
        'CREATE INDEX expressed ON full_table (lower(b))',
      );
      const state = await database.schema('full_table');
      assert.deepEqual(await database.schema('full_table'), state);
      const again = await subject.open();
      assert.deepEqual(await again.schema('full_table'), state);
      await again.close();
      assert.ok(state.kind === 'schema');
      assert.deepEqual(
        state.columns.map(({ name, nullable, position }) => [name, nullable, position]),
        [
          ['a', false, 1],
          ['b', true, 2],
          ['c', true, 3],
          ['parent', true, 4],
        ],
      );
      assert.match(String(state.columns[1]?.default), /^'x'/);
      assert.deepEqual(state.primaryKey, ['a']);
      assert.equal(state.indexes.length, 3, state.indexes.join('\n'));
      assert.match(state.indexes.join('\n'), /UNIQUE INDEX partial .*WHERE/);
      assert.equal(state.constraints.length, 3, state.constraints.join('\n'));
      assert.match(state.constraints.join('\n'), /CHECK.*c > 0/);
      assert.match(state.constraints.join('\n'), /REFERENCES parent ?\(id\) ON DELETE CASCADE/);
      await subject.direct('DROP INDEX plain');
      assert.ok(!sameState(await database.schema('full_table'), state));
      await subject.direct('CREATE INDEX plain ON full_table (c)');
      assert.ok(sameState(await database.schema('full_table'), state));
    },
  );

  check(
    'a renamed column is told as renamed, an index that was dropped by its definition',
    async (subject, database) => {
      await subject.direct(
        'CREATE TABLE weather (day text PRIMARY KEY, temp_max real, note text, CHECK (temp_max > -90))',
        'CREATE INDEX hot ON weather (temp_max)',
      );
      const before = await database.schema('weather');
      await subject.direct('ALTER TABLE weather RENAME COLUMN temp_max TO tmax');
      const renamed = await database.schema('weather');
      assert.deepEqual(describeSchemaDifference(before, renamed, { dialect }), ['column "temp_max" renamed to "tmax"']);
      await subject.direct('DROP INDEX hot');
      assert.match(
        describeSchemaDifference(renamed, await database.schema('weather'), { dialect }).join('\n'),
        /^index dropped: CREATE INDEX hot ON .*weather .*\(tmax\)$/,
      );
      await subject.direct('ALTER TABLE weather DROP COLUMN note', 'ALTER TABLE weather ADD COLUMN remark text');
      const dropped = describeSchemaDifference(renamed, await database.schema('weather'), { dialect }).join('\n');
      assert.match(
        dropped,
        dialect === 'postgres' ? /"note" dropped[^]*"remark" added/ : /"note" is gone and "remark" stands in its place/,
      );
    },
  );

  check('20,000 rows are observed in well under two seconds', async (subject, database) => {
    await subject.direct(ITEM);
    const numbers =
      dialect === 'sqlite'
        ? "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, 'row ' || i FROM n"
        : "SELECT i, 'row ' || i FROM generate_series(1, 20000) AS n(i)";
    await subject.direct(`INSERT INTO item (id, label) ${numbers}`);
    const started = performance.now();
    const found = await database.rows(
      Array.from({ length: 20_000 }, (_value, index) => ({
        table: 'item',
        key: { id: 20_000 - index },
        columns: ['id', 'label'],
      })),
    );
    const elapsedMs = performance.now() - started;
    assert.ok(found.every((state, index) => state.kind === 'row' && state.columns['id'] === 20_000 - index));
    assert.ok(elapsedMs < 2000, `took ${elapsedMs} ms`);
  });

  check('a lock that another holds is busy when the time is up, and free afterwards', async (subject, database) => {
    await subject.direct(ITEM, 'INSERT INTO item (id) VALUES (1)');
    const release = await subject.hold();
    const started = performance.now();
    const attempt = async (lockTimeoutMs: number): Promise<void> => {
      const transaction = await database.begin({ ...TIMEOUTS, lockTimeoutMs });
      try {
        await transaction.applyRow(change('row.update', 'item', { id: 1 }, { label: 'mine' }));
        await transaction.commit();
      } finally {
        await transaction.rollback();
      }
    };
    await assertFails(attempt(150), 'busy');
    assert.ok(performance.now() - started < 3000);
    await release();
    await attempt(150);
  });

  check(
    'an idle transaction is rolled back and the next call is busy; keepAlive prevents it',
    async (subject, database) => {
      await subject.direct(ITEM);
      const wait = (delayMs: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, delayMs));
      const alive = await database.begin({ ...TIMEOUTS, idleTimeoutMs: 300 });
      await alive.applyRow(change('row.insert', 'item', { id: 1 }));
      for (let beat = 0; beat < 4; beat++) {
        await wait(150);
        await alive.keepAlive();
      }
      await alive.commit();
      const idle = await database.begin({ ...TIMEOUTS, idleTimeoutMs: 100 });
      await idle.applyRow(change('row.insert', 'item', { id: 2 }));
      await wait(400);
      await assertFails(idle.keepAlive(), 'busy');
      await assertFails(idle.commit(), 'busy');
      await idle.rollback();
      assert.deepEqual((await database.query('SELECT id FROM item', [])).rows, [{ id: 1 }]);
    },
  );

  for (const stage of ['open', 'committed'] as const) {
    const outcome = stage === 'open' ? 'before COMMIT leaves no token and no row' : 'after COMMIT leaves both';
    check(`SIGKILL ${outcome}`, async (subject, database) => {
      await subject.direct(ITEM);
      await database.ensureHoldfastTables();
      await database.raiseFence(JOB, 1);
      const child = spawn(
        process.execPath,
        [fileURLToPath(new URL('database-child.ts', import.meta.url)), subject.url, stage, JOB, TOKEN],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      const exited = once(child, 'exit');
      const [said] = await Promise.race([once(child.stdout, 'data'), exited.then(() => ['exited'])]);
      assert.match(String(said), /ready/);
      child.kill('SIGKILL');
      await exited;
      const isThere = stage === 'committed';
      const expected: RowState = isThere ? { kind: 'row', columns: { label: 'crash' } } : ABSENT;
      assert.deepEqual(
        (await database.tokens([TOKEN])).get(TOKEN),
        isThere ? { kind: 'token', intent: INTENT, rows: 'digests' } : ABSENT,
      );
      assert.deepEqual(await rowOf(database, 'item', { id: 7 }, ['label']), expected);
      assert.deepEqual(await database.fence(JOB), { term: 1, lastToken: isThere ? TOKEN : null });
      // Nothing of the dead worker holds the next one back.
      await transact(database, (transaction) =>
        transaction.applyRow(change('row.upsert', 'item', { id: 7 }, { label: 'next' })),
      );
    });
  }

  void test(`${dialect}: a restored backup is visible in the fence's last token and the missing token`, async (context) => {
    const subject = await conformance.setUp(context);
    const step = async (token: string): Promise<void> => {
      const database = await subject.open();
      await database.ensureHoldfastTables();
      await database.raiseFence(JOB, 1);
      await transact(database, async (transaction) => {
        await transaction.passFence(JOB, 1, token);
        await transaction.takeToken(token, JOB, INTENT);
      });
      await database.close();
    };
    await step(TOKEN);
    const restore = await subject.backUp();
    await step(OTHER_TOKEN);
    await restore();
    const database = await subject.open();
    assert.deepEqual(await database.fence(JOB), { term: 1, lastToken: TOKEN });
    assert.deepEqual((await database.tokens([OTHER_TOKEN])).get(OTHER_TOKEN), ABSENT);
    await database.close();
  });

  check(
    'every value comes back as it went in, is put back the same, and is told from every other',
    async (subject, database) => {
      const { valueColumns } = conformance;
      await subject.direct(
        `CREATE TABLE vals (id integer PRIMARY KEY, ${valueColumns.map(({ type }, index) => `c${index} ${type}`).join(', ')})`,
      );
      const columns = valueColumns.map((_column, index) => `c${index}`);
      const rows = fc.array(fc.tuple(...valueColumns.map(({ values }) => fc.option(values, { nil: null }))), {
        minLength: 1,
        maxLength: 40,
      });
      await fc.assert(
        fc.asyncProperty(rows, async (tuples) => {
          const transaction = await database.begin(TIMEOUTS);
          try {
            const wanted = tuples.map((tuple): RowState => ({
              kind: 'row',
              columns: Object.fromEntries(columns.map((column, index) => [column, tuple[index] as Json])),
            }));
            for (const [id, state] of wanted.entries())
              await transaction.applyRow(
                change('row.insert', 'vals', { id }, (state as { columns: JsonObject }).columns),
              );
            const requests = wanted.map((_state, id) => ({ table: 'vals', key: { id }, columns }));
            const found = await transaction.rows(requests);
            assert.deepEqual(found, wanted);
            for (const [id, state] of found.entries()) {
              await transaction.putRow('vals', { id }, ABSENT);
              await transaction.putRow('vals', { id }, state);
            }
            assert.deepEqual(await transaction.rows(requests), wanted);
          } finally {
            await transaction.rollback();
          }
        }),
        { numRuns: 25 },
      );
    },
  );
}
