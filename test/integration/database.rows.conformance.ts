/**
 * How every `Database` writes rows one by one and many at once, puts them back, and reads them.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Database } from '../../src/effects/database/database.ts';
import type { Json, JsonObject } from '../../src/model/canonical-json.ts';
import { isFailure } from '../../src/model/failure.ts';
import type { FailureType } from '../../src/model/failures.ts';
import type { RowChange } from '../../src/model/record/effect.ts';
import { ABSENT, sameState, type RowState } from '../../src/model/record/world.ts';
import {
  TOKEN,
  ITEM,
  change,
  transact,
  rowOf,
  assertFails,
  TIMEOUTS,
  checkOf,
  type Conformance,
} from '../support/database-subject.ts';

export function rowsConform(conformance: Conformance): void {
  const check = checkOf(conformance);
  const { dialect } = conformance;

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
            'CREATE TRIGGER counted AFTER INSERT ON watched BEGIN INSERT INTO seen (id, n) SELECT ' +
              'new.id, count(*) FROM watched; END',
          ]
        : [
            'CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen ' +
              'SELECT new.id, count(*) FROM watched; RETURN NULL; END $$',
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

  check('what triggers and defaults make of a row is what is read back', async (subject, database) => {
    const body =
      dialect === 'sqlite'
        ? [
            'CREATE TRIGGER shout AFTER INSERT ON noted BEGIN UPDATE noted SET label = upper(label) ' +
              'WHERE id = new.id; END',
          ]
        : [
            'CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.label := ' +
              'upper(new.label); RETURN new; END $$',
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
    const texts = columns.map((name) => `${quote(name)} text`).join(', ');
    await transact(database, (transaction) =>
      transaction.applySql({
        text: `CREATE TABLE ${quote(table)} ("key" integer, "Part" text, ${texts}, PRIMARY KEY ("key", "Part"))`,
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
        "CREATE TABLE kept (id integer PRIMARY KEY, label text, owner text NOT NULL DEFAULT 'theirs', " +
          'twice integer GENERATED ALWAYS AS (id * 2) STORED)',
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
    'every value comes back as it went in, is put back the same, and is told from every other',
    async (subject, database) => {
      const { valueColumns } = conformance;
      const definitions = valueColumns.map(({ type }, index) => `c${index} ${type}`);
      await subject.direct(`CREATE TABLE vals (id integer PRIMARY KEY, ${definitions.join(', ')})`);
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
