import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { openSqlite } from '../../src/effects/database/sqlite/database.ts';
import { isFailure } from '../../src/model/failure.ts';
import { describeSchemaDifference } from '../../src/effects/database/schema-difference.ts';
import { ABSENT } from '../../src/model/record/world.ts';
import { assertFails, change, rowOf, TIMEOUTS, transact, type Subject } from '../support/database-subject.ts';
import { databaseConformance } from './database.conformance.ts';

const ITEM = 'CREATE TABLE item (id integer PRIMARY KEY, label text)';

interface SqliteSubject extends Subject {
  readonly filePath: string;
  connect(): DatabaseSync;
}

function setUp(context: TestContext, prepare: readonly string[] = []): Promise<SqliteSubject> {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-sqlite-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const filePath = path.join(folder, 'main.db');
  const connect = (): DatabaseSync => new DatabaseSync(filePath, { timeout: 2000 });
  const direct = async (...statements: readonly string[]): Promise<void> => {
    const connection = connect();
    for (const statement of statements) connection.exec(statement);
    connection.close();
  };
  const subject: SqliteSubject = {
    url: `sqlite:${filePath}`,
    filePath,
    connect,
    direct,
    open: () => openSqlite({ name: 'main', filePath }),
    async hold() {
      const connection = connect();
      connection.exec('BEGIN IMMEDIATE');
      return async () => {
        connection.exec('ROLLBACK');
        connection.close();
      };
    },
    async backUp() {
      const copy = `${filePath}.backup`;
      copyFileSync(filePath, copy);
      return async () => renameSync(copy, filePath);
    },
  };
  return prepare.length === 0 ? Promise.resolve(subject) : direct(...prepare).then(() => subject);
}

const text = fc.string({ unit: 'binary', maxLength: 40 }).filter((value) => value.isWellFormed());
const integer = fc.oneof(
  fc.maxSafeInteger(),
  fc
    .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    .filter((value) => value > 2n ** 53n - 1n || value < -(2n ** 53n - 1n))
    .map((value) => ({ $int: String(value) })),
);
const bytes = fc.uint8Array({ maxLength: 40 }).map((value) => ({ $bytes: Buffer.from(value).toString('base64') }));
const real = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
  fc.constantFrom({ $float: 'Infinity' }, { $float: '-Infinity' }),
);
/** Whole floating point numbers are tagged where the column does not turn them into integers. */
const untyped = fc.oneof(
  text,
  integer,
  bytes,
  real.map((value) => (typeof value === 'number' && Number.isInteger(value) ? { $float: String(value) } : value)),
);

databaseConformance({
  dialect: 'sqlite',
  setUp,
  valueColumns: [
    { type: 'TEXT', values: fc.oneof(text, bytes) },
    { type: 'INTEGER', values: fc.oneof(integer, bytes) },
    { type: 'REAL', values: fc.oneof(real, bytes) },
    { type: 'BLOB', values: untyped },
    { type: '', values: untyped },
  ],
});

void test('the file is not created by opening or reading, but by the first write', async (context) => {
  const subject = await setUp(context);
  const database = await subject.open();
  assert.equal((await database.identity()).system, 'unmarked');
  assert.deepEqual(await database.schema('item'), ABSENT);
  await assertFails(database.query('SELECT * FROM item', []), 'unknown-table');
  assert.equal(existsSync(subject.filePath), false);
  await transact(database, (transaction) => transaction.applySql({ text: ITEM, params: [] }));
  assert.equal(existsSync(subject.filePath), true);
  assert.equal((await database.schema('item')).kind, 'schema');
  await database.close();
});

void test('what a write sets off is part of a table: triggers, and what becomes of a conflict', async (context) => {
  const subject = await setUp(context, [ITEM]);
  const database = await subject.open();
  const before = await database.schema('item');
  await subject.direct("CREATE TRIGGER seen AFTER INSERT ON item BEGIN UPDATE item SET label = 'seen'; END");
  const triggered = await database.schema('item');
  assert.match(describeSchemaDifference(before, triggered).join('\n'), /does: added: CREATE TRIGGER seen AFTER INSERT/);
  await subject.direct(
    'DROP TABLE item',
    'CREATE TABLE item (id integer PRIMARY KEY, label UNIQUE ON CONFLICT REPLACE)',
  );
  const replacing = await database.schema('item');
  assert.match(
    describeSchemaDifference(triggered, replacing).join('\n'),
    /added: ON CONFLICT REPLACE \(label UNIQUE\)/,
  );
  await database.close();
});

void test('a step leaves no temporary object behind that would hide a table from the next', async (context) => {
  const subject = await setUp(context, [ITEM, "INSERT INTO item (id, label) VALUES (1, 'kept')"]);
  const database = await subject.open();
  const statements = [
    'CREATE TEMP TABLE item (id INTEGER PRIMARY KEY, label TEXT)',
    'CREATE TABLE temp.item (id INTEGER PRIMARY KEY, label TEXT)',
    'CREATE TEMP VIEW item AS SELECT 1',
    'CREATE TEMP TRIGGER t AFTER UPDATE ON main.item BEGIN DELETE FROM item; END',
  ];
  for (const text of statements) {
    const made = transact(database, (transaction) => transaction.applySql({ text, params: [] }));
    await assertFails(made, 'sql-failed', 'nor make temporary tables, views or triggers');
  }
  await transact(database, (transaction) =>
    transaction.applySql({ text: "UPDATE item SET label = 'new'", params: [] }),
  );
  assert.deepEqual(await rowOf(database, 'item', { id: 1 }, ['label']), { kind: 'row', columns: { label: 'new' } });
  await database.close();
});

void test('a file that is recorded or was there is never made anew: unreachable until it is back', async (context) => {
  const subject = await setUp(context, [ITEM]);
  const aside = `${subject.filePath}.aside`;
  const database = await subject.open();
  const known = await openSqlite({ name: 'main', filePath: subject.filePath, create: false });
  await rowOf(database, 'item', { id: 1 }, []);
  renameSync(subject.filePath, aside);
  for (const each of [database, known]) {
    await assertFails(each.schema('item'), 'storage-unreachable', subject.filePath);
    await assertFails(each.begin(TIMEOUTS), 'storage-unreachable');
    await assertFails(each.ensureHoldfastTables(), 'storage-unreachable');
  }
  assert.equal(existsSync(subject.filePath), false);
  renameSync(aside, subject.filePath);
  for (const each of [database, known]) {
    assert.equal((await each.schema('item')).kind, 'schema');
    await each.close();
  }
});

void test('a file that was replaced is read anew, and never written through the old one', async (context) => {
  const subject = await setUp(context, [ITEM]);
  const other = await setUp(context, ['CREATE TABLE elsewhere (id integer PRIMARY KEY)']);
  const database = await subject.open();
  const transaction = await database.begin(TIMEOUTS);
  await transaction.applyRow(change('row.insert', 'item', { id: 1 }));
  renameSync(other.filePath, subject.filePath);
  await assertFails(transaction.commit(), 'storage-unreachable', 'replaced');
  await transaction.rollback();
  assert.equal((await database.schema('elsewhere')).kind, 'schema');
  assert.deepEqual(await database.schema('item'), ABSENT);
  await transact(database, (again) => again.applyRow(change('row.insert', 'elsewhere', { id: 1 })));
  await database.close();
});

void test('another database in the file’s place has another identity; a copy has the same', async (context) => {
  const [first, second] = [await setUp(context), await setUp(context)];
  const identities = [];
  for (const subject of [first, second]) {
    const database = await subject.open();
    await database.ensureHoldfastTables();
    identities.push(await database.identity());
    await database.close();
  }
  assert.notEqual(identities[0]!.system, identities[1]!.system);
  copyFileSync(first.filePath, second.filePath);
  const database = await second.open();
  assert.deepEqual(await database.identity(), identities[0]);
  await database.close();
});

for (const journal of ['delete', 'wal'] as const) {
  void test(`a reader elsewhere does not make a COMMIT fail (journal_mode=${journal})`, async (context) => {
    const subject = await setUp(context, [`PRAGMA journal_mode = ${journal}`, ITEM]);
    const reader = subject.connect();
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM item').all();
    const database = await subject.open();
    const transaction = await database.begin(TIMEOUTS);
    await transaction.applyRow(change('row.insert', 'item', { id: 1 }));
    const letGo = setTimeout(() => reader.exec('COMMIT'), 100);
    await transaction.commit();
    clearTimeout(letGo);
    assert.equal((await rowOf(database, 'item', { id: 1 }, [])).kind, 'row');
    reader.close();
    await database.close();
  });
}

void test('a COMMIT held back too long is busy, and may be asked for again', async (context) => {
  const subject = await setUp(context, [ITEM]);
  const reader = subject.connect();
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM item').all();
  const database = await subject.open();
  const transaction = await database.begin({ ...TIMEOUTS, lockTimeoutMs: 50 });
  await transaction.applyRow(change('row.insert', 'item', { id: 1 }));
  await assertFails(transaction.commit(), 'busy');
  reader.close();
  await transaction.commit();
  assert.equal((await rowOf(database, 'item', { id: 1 }, [])).kind, 'row');
  await database.close();
});

void test('a statement that ends the transaction by itself leaves nothing to commit', async (context) => {
  const subject = await setUp(context, [ITEM, 'INSERT INTO item (id) VALUES (1)']);
  const database = await subject.open();
  const transaction = await database.begin(TIMEOUTS);
  await transaction.applyRow(change('row.insert', 'item', { id: 2 }));
  await assertFails(
    transaction.applySql({ text: 'INSERT OR ROLLBACK INTO item (id) VALUES (1)', params: [] }),
    'sql-failed',
  );
  await assert.rejects(transaction.applyRow(change('row.insert', 'item', { id: 3 })), (error) =>
    isFailure(error, 'sql-failed'),
  );
  await assert.rejects(transaction.commit());
  await transaction.rollback();
  assert.deepEqual((await database.query('SELECT id FROM item', [])).rows, [{ id: 1 }]);
  await database.close();
});

void test('a step’s statement changes no settings, attaches nothing and spares Holdfast’s tables', async (context) => {
  const subject = await setUp(context, [ITEM]);
  const database = await subject.open();
  await database.ensureHoldfastTables();
  const refused = [
    'PRAGMA foreign_keys = OFF',
    'PRAGMA defer_foreign_keys = ON',
    'PRAGMA journal_mode = MEMORY',
    "ATTACH 'x.db' AS x",
    'DELETE FROM holdfast_token',
    'UPDATE Holdfast_Fence SET term = 9',
    'DROP TABLE holdfast_token',
    'ALTER TABLE holdfast_token RENAME TO x',
  ];
  for (const text of refused) {
    const transaction = await database.begin(TIMEOUTS);
    await assertFails(transaction.applySql({ text, params: [] }), 'sql-failed');
    await transaction.rollback();
    await assertFails(database.query(text, []), 'sql-failed');
  }
  assert.deepEqual((await database.query('PRAGMA user_version', [])).rows, [{ user_version: 0 }]);
  await database.close();
});

void test('commits sync the folder too, foreign keys hold, and SQLite itself never waits', async (context) => {
  const subject = await setUp(context, [ITEM]);
  const database = await subject.open();
  await transact(database, async (transaction) => {
    assert.deepEqual((await transaction.query('PRAGMA synchronous', [])).rows, [{ synchronous: 3 }]);
    assert.deepEqual((await transaction.query('PRAGMA foreign_keys', [])).rows, [{ foreign_keys: 1 }]);
    assert.deepEqual((await transaction.query('PRAGMA busy_timeout', [])).rows, [{ timeout: 0 }]);
  });
  await database.close();
});

void test('transactions of one process run one after the other; a wait ends with busy', async (context) => {
  const subject = await setUp(context, [ITEM]);
  const database = await subject.open();
  const first = await database.begin(TIMEOUTS);
  await assertFails(database.begin({ ...TIMEOUTS, lockTimeoutMs: 50 }), 'busy', 'writing database main');
  const second = database.begin(TIMEOUTS);
  await first.applyRow(change('row.insert', 'item', { id: 1 }));
  await first.commit();
  assert.equal((await rowOf(await second, 'item', { id: 1 }, [])).kind, 'row');
  await (await second).rollback();
  await database.close();
});

void test('names are matched as SQLite does, without regard to ASCII case', async (context) => {
  const subject = await setUp(context, ['CREATE TABLE Weather (Id integer PRIMARY KEY, Temp real)']);
  const database = await subject.open();
  await transact(database, (transaction) =>
    transaction.applyRow(change('row.upsert', 'weather', { id: 1 }, { TEMP: 21 })),
  );
  assert.deepEqual(await rowOf(database, 'main.WEATHER', { ID: 1 }, ['temp']), { kind: 'row', columns: { temp: 21 } });
  await database.close();
});

void test('a file that is no database is a damaged one, and the failure names the database', async (context) => {
  const subject = await setUp(context);
  copyFileSync(import.meta.filename, subject.filePath);
  const database = await subject.open();
  await assertFails(database.schema('item'), 'database-damaged', 'main');
  await database.close();
});
