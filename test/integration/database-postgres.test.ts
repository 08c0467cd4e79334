/** `Database` over PostgreSQL: what every implementation must do, and what only this one meets in values and rows. */
import assert from 'node:assert/strict';
import { ABSENT } from '../../src/model/record/world.ts';
import { assertFails, change, rowOf, TIMEOUTS, transact } from '../support/database-subject.ts';
import { postgresCheck, postgresSubject } from '../support/postgres-subject.ts';
import { POSTGRES_COLUMNS } from '../support/postgres-values.ts';
import { testPostgres } from '../support/postgres.ts';
import { databaseConformance } from './database.conformance.ts';

const postgres = await testPostgres();
const check = postgresCheck(postgres);

const ITEM = 'CREATE TABLE item (id integer PRIMARY KEY, label text)';

databaseConformance({
  dialect: 'postgres',
  setUp: () => postgresSubject(postgres),
  valueColumns: POSTGRES_COLUMNS,
});

check(
  'values print the same whatever the role, database or session has set',
  [
    'CREATE TABLE moment (id integer PRIMARY KEY, at timestamptz, span interval, bytes bytea, ratio float8)',
    "INSERT INTO moment VALUES (1, '2026-03-01 12:00:00.123456+02', '1 day 02:03:04', '\\x0102', 0.1)",
  ],
  async (subject, database) => {
    const columns = ['at', 'span', 'bytes', 'ratio'];
    const before = await rowOf(database, 'moment', { id: 1 }, columns);
    assert.deepEqual(before, {
      kind: 'row',
      columns: { at: '2026-03-01 10:00:00.123456+00', span: '1 day 02:03:04', bytes: { $bytes: 'AQI=' }, ratio: 0.1 },
    });
    const name = new URL(subject.url).pathname.slice(1);
    const settings = [
      "timezone = 'Asia/Tokyo'",
      "datestyle = 'German'",
      "intervalstyle = 'iso_8601'",
      "bytea_output = 'escape'",
      'extra_float_digits = -5',
    ];
    await subject.direct(...settings.map((setting) => `ALTER DATABASE "${name}" SET ${setting}`));
    const again = await subject.open();
    assert.deepEqual(await rowOf(again, 'moment', { id: 1 }, columns), before);
    await again.close();
  },
);

check(
  'numeric scale, char padding, deferred triggers and rules of the server show in the read-back',
  [
    'CREATE TABLE priced (id integer PRIMARY KEY, price numeric(10,2), code char(4), seen integer DEFAULT 0)',
    'CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE priced SET seen = seen + ' +
      '1 WHERE id = new.id; RETURN NULL; END $$',
    'CREATE CONSTRAINT TRIGGER mark AFTER INSERT ON priced DEFERRABLE INITIALLY DEFERRED FOR EACH ROW ' +
      'EXECUTE FUNCTION mark()',
  ],
  async (_subject, database) => {
    const columns = ['price', 'code', 'seen'];
    await transact(database, async (transaction) => {
      await transaction.applyRow(change('row.insert', 'priced', { id: 1 }, { price: 21.555, code: 'ab' }));
      const [, early] = [await transaction.settle(), await rowOf(transaction, 'priced', { id: 1 }, columns)];
      assert.deepEqual(early, { kind: 'row', columns: { price: { $numeric: '21.56' }, code: 'ab  ', seen: 1 } });
    });
    assert.deepEqual(await rowOf(database, 'priced', { id: 1 }, columns), {
      kind: 'row',
      columns: { price: { $numeric: '21.56' }, code: 'ab  ', seen: 1 },
    });
  },
);

check(
  'keys of char, numeric, uuid, bytes, enum and identity columns find their rows',
  [
    "CREATE TYPE mood AS ENUM ('sad', 'ok')",
    'CREATE DOMAIN code AS char(4)',
    'CREATE TABLE keyed (a char(4), b numeric, c uuid, d bytea, e mood, f code, n integer GENERATED ' +
      'ALWAYS AS IDENTITY, PRIMARY KEY (a, b, c, d, e, f, n))',
  ],
  async (_subject, database) => {
    const key = {
      a: 'ab',
      b: { $numeric: '1.50' },
      c: '6f9619ff-8b86-d011-b42d-00cf4fc964ff',
      d: { $bytes: 'AQI=' },
      e: 'ok',
      f: 'x',
      n: 5,
    };
    await transact(database, (transaction) => transaction.applyRow(change('row.insert', 'keyed', key)));
    assert.equal((await rowOf(database, 'keyed', key, ['a'])).kind, 'row');
    assert.deepEqual(await rowOf(database, 'keyed', { ...key, e: 'sad' }, ['a']), ABSENT);
  },
);

check(
  'tables of a query include partitions, other schemas and what functions read',
  [
    'CREATE SCHEMA audit',
    'CREATE TABLE audit.events (id integer PRIMARY KEY)',
    'CREATE TABLE parted (id integer) PARTITION BY RANGE (id)',
    'CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM (0) TO (10)',
    'CREATE FUNCTION hidden() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM audit.events $$',
  ],
  async (_subject, database) => {
    assert.deepEqual((await database.query('SELECT * FROM parted', [])).tables, ['part_1', 'parted']);
    assert.deepEqual((await database.query('SELECT hidden()', [])).tables, ['audit.events']);
    assert.equal((await database.schema('audit.events')).kind, 'schema');
  },
);

check(
  'a row changed by another since it was compared refuses our write',
  [ITEM, "INSERT INTO item VALUES (1, 'before')"],
  async (subject, database) => {
    const transaction = await database.begin(TIMEOUTS);
    assert.deepEqual(await rowOf(transaction, 'item', { id: 1 }, ['label']), {
      kind: 'row',
      columns: { label: 'before' },
    });
    await subject.direct("UPDATE item SET label = 'theirs' WHERE id = 1");
    await assertFails(
      transaction.applyRow(change('row.update', 'item', { id: 1 }, { label: 'ours' })),
      'busy',
      '40001',
    );
    await transaction.rollback();
    assert.deepEqual(await rowOf(database, 'item', { id: 1 }, ['label']), {
      kind: 'row',
      columns: { label: 'theirs' },
    });
  },
);

check(
  'many upserts among which the database takes two keys for one do what they do one by one',
  ['CREATE TABLE padded (code char(4) PRIMARY KEY, label text)'],
  async (_subject, database) => {
    const codes = [...Array.from({ length: 12 }, (_none, n) => `a${n}`), 'a3 '];
    await transact(database, (transaction) =>
      transaction.applyRows(
        codes.map((code, place) => change('row.upsert', 'padded', { code }, { label: `label ${place}` })),
      ),
    );
    assert.deepEqual(
      (await database.query("SELECT label FROM padded WHERE code IN ('a2', 'a3') ORDER BY code", [])).rows,
      [{ label: 'label 2' }, { label: 'label 12' }],
    );
    assert.deepEqual((await database.query('SELECT count(*) AS n FROM padded', [])).rows, [{ n: 12 }]);
  },
);

check(
  'many rows take one statement each five hundred, not one each',
  ['CREATE TABLE counted (id integer PRIMARY KEY)'],
  async (_subject, database) => {
    await transact(database, async (transaction) => {
      await transaction.applyRows(
        Array.from({ length: 1_200 }, (_none, n) => change('row.insert', 'counted', { id: n })),
      );
      // All rows of one statement have one command id.
      assert.deepEqual((await transaction.query('SELECT count(DISTINCT cmin::text) AS n FROM counted', [])).rows, [
        { n: 3 },
      ]);
    });
  },
);
