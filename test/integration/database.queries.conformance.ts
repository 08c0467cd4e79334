/** What every `Database` answers to queries, and how it shows schemas. */
import assert from 'node:assert/strict';
import { describeSchemaDifference } from '../../src/effects/database/schema-difference.ts';
import { sameState } from '../../src/model/record/world.ts';
import {
  ITEM,
  change,
  transact,
  assertFails,
  TIMEOUTS,
  checkOf,
  type Conformance,
} from '../support/database-subject.ts';

export function queriesConform(conformance: Conformance): void {
  const check = checkOf(conformance);
  const { dialect } = conformance;

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
    await assertFails(database.query('SELECT 1', [], { signal: AbortSignal.abort() }), 'cancelled');
  });

  check(
    'of a query with a bound one row more is read and no other, in a transaction too',
    async (_subject, database) => {
      const endless = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n; -- for ever';
      const rows = [{ i: 1 }, { i: 2 }, { i: 3 }];
      assert.deepEqual((await database.query(endless, [], { maxRows: 2 })).rows, rows);
      await transact(database, async (transaction) => {
        assert.deepEqual((await transaction.query(endless, [], { maxRows: 2 })).rows, rows);
        assert.deepEqual((await transaction.query(endless, [], { maxRows: 2 })).rows, rows);
      });
      const placeholder = dialect === 'sqlite' ? '?' : '$1';
      const bounded = database.query(`SELECT 'a' AS it WHERE 1 = ${placeholder}`, [1], { maxRows: 2 });
      assert.deepEqual((await bounded).rows, [{ it: 'a' }]);
      await assertFails(database.query('SELECT * FROM nowhere', [], { maxRows: 2 }), 'unknown-table', 'SELECT * FROM');
    },
  );

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

  check(
    'a schema reads the same again, and shows columns, keys, indexes and constraints',
    async (subject, database) => {
      await subject.direct(
        'CREATE TABLE parent (id integer PRIMARY KEY)',
        "CREATE TABLE full_table (a integer NOT NULL, b text DEFAULT 'x', c integer, parent integer " +
          'REFERENCES parent (id) ON DELETE CASCADE, PRIMARY KEY (a), CONSTRAINT positive CHECK (c > 0), ' +
          'UNIQUE (b, c))',
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
}
