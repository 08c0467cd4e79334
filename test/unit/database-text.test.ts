import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AsyncMutex } from '../../src/effects/database/async-mutex.ts';
import { encodePostgres, postgresTypes } from '../../src/effects/database/postgres/values.ts';
import {
  formatTableName,
  isSameTable,
  parseTableName,
  quoteIdentifier,
} from '../../src/effects/database/table-name.ts';
import { normalizeSql, readTableDefinition } from '../../src/effects/database/sqlite/table-definition.ts';
import {
  controlsTransaction,
  cutStatement,
  firstKeyword,
  isBlankSqlite,
} from '../../src/effects/database/statement-text.ts';
import { canonicalJsonColumn, decodeSqlite, encodeSqlite, plainValue } from '../../src/effects/database/values.ts';
import { isFailure } from '../../src/model/failure.ts';

void test('any table name survives being written and read', () => {
  const part = fc.string({ unit: 'grapheme', minLength: 1 }).filter((value) => !value.includes('\0'));
  fc.assert(
    fc.property(fc.option(part, { nil: undefined }), part, (schema, name) =>
      assert.deepEqual(parseTableName(formatTableName({ schema, name })), { schema, name }),
    ),
  );
  assert.deepEqual(parseTableName('audit."odd.name"'), { schema: 'audit', name: 'odd.name' });
  for (const bad of ['', '.', 'a.', '.a', 'a.b.c', '"a', 'a"b'])
    assert.throws(
      () => parseTableName(bad),
      (error) => isFailure(error, 'bad-input'),
      bad,
    );
});

void test('a quoted identifier cannot be left', () => {
  assert.equal(quoteIdentifier('a"; DROP TABLE x; --'), '"a""; DROP TABLE x; --"');
  for (const bad of ['', 'a\0b', '\ud800'])
    assert.throws(
      () => quoteIdentifier(bad),
      (error) => isFailure(error, 'bad-input'),
    );
});

void test('two spellings of one table are told from two tables', () => {
  assert.equal(isSameTable('sqlite', 'Weather', 'main.weather'), true);
  assert.equal(isSameTable('postgres', 'weather', 'public.weather'), true);
  assert.equal(isSameTable('postgres', 'Weather', 'weather'), false);
  assert.equal(isSameTable('postgres', 'audit.weather', 'weather'), false);
});

void test('statements are recognised behind comments, which nest in PostgreSQL only', () => {
  assert.equal(firstKeyword(' -- no\n /* a /* b */ c */ select 1'), 'SELECT');
  assert.equal(firstKeyword('/*/ update */ delete from x'), 'DELETE');
  for (const text of [
    'commit',
    'END',
    '/**/Rollback to x',
    'start transaction',
    "prepare transaction 'x'",
    'set transaction read only',
    'SET CONSTRAINTS ALL DEFERRED',
    'release x',
  ])
    assert.equal(controlsTransaction(text), true, text);
  for (const text of ['', 'prepare x as select 1', 'set search_path = x', "update x set y = 'commit'", 'committed'])
    assert.equal(controlsTransaction(text), false, text);
  assert.equal(isBlankSqlite(' ; -- x\n /* ; */ ;'), true);
  assert.equal(isBlankSqlite('/* /* */ COMMIT'), false);
  assert.equal(cutStatement(`select\n  ${'x'.repeat(500)}`).length, 201);
});

void test('CREATE TABLE gives up its checks, collations and generated columns, whatever its layout', () => {
  const sql = `CREATE TABLE t ( -- a comment with ( and ,
    id INTEGER PRIMARY KEY AUTOINCREMENT, "label" TEXT COLLATE NOCASE CHECK ("label" <> 'a, (b'),
    [twice] INT AS (id*2) STORED,
    CONSTRAINT pos CHECK (id > 0 /* really */), CHECK(id<9), UNIQUE (id)) STRICT, WITHOUT ROWID`;
  const { constraints, generated } = readTableDefinition(sql);
  assert.deepEqual(constraints, [
    'AUTOINCREMENT',
    'CHECK (id < 9)',
    "CHECK (label <> 'a, (b')",
    'COLLATE NOCASE (label)',
    'CONSTRAINT pos CHECK (id > 0)',
    'STRICT',
    'WITHOUT ROWID',
  ]);
  assert.deepEqual([...generated], [['twice', '(id * 2)']]);
  assert.equal(normalizeSql('CREATE  INDEX "x" ON `t`( [a],b )'), 'CREATE INDEX x ON t (a, b)');
});

void test('JSON columns keep what JavaScript would lose, and content that looks like a tag', () => {
  assert.deepEqual(canonicalJsonColumn('{"a": [1, 2.50, 1e3, "x"]}'), { a: [1, 2.5, 1000, 'x'] });
  assert.deepEqual(canonicalJsonColumn('null'), { $json: null });
  assert.deepEqual(canonicalJsonColumn('{"$bytes": "AA=="}'), { $json: { $bytes: 'AA==' } });
  assert.deepEqual(canonicalJsonColumn('[[{"$x": 1}]]'), { $json: [[{ $x: 1 }]] });
  for (const text of ['12345678901234567890', '0.1000000000000000055', '-0', '1e400', '"\\ud800"'])
    assert.deepEqual(canonicalJsonColumn(text), { $jsontext: text });
});

void test('a step’s code is given plain values', () => {
  assert.deepEqual(
    [
      plainValue({ $numeric: '21.50' }),
      plainValue({ $int: '9007199254740993' }),
      plainValue({ $float: 'NaN' }),
      plainValue({ $json: { $int: '1' } }),
    ],
    ['21.50', '9007199254740993', Number.NaN, { $int: '1' }],
  );
  assert.deepEqual(plainValue([{ $bytes: 'AQI=' }, 1]), [new Uint8Array([1, 2]), 1]);
});

void test('SQLite: whole numbers go as integers, and what it cannot hold is refused', () => {
  assert.equal(encodeSqlite(7), 7n);
  assert.equal(encodeSqlite(7.5), 7.5);
  assert.equal(encodeSqlite({ a: [1] }), '{"a":[1]}');
  assert.deepEqual(decodeSqlite(2n ** 60n), { $int: String(2n ** 60n) });
  assert.deepEqual([decodeSqlite(21), decodeSqlite(21, true)], [21, { $float: '21' }]);
  assert.throws(
    () => encodeSqlite({ $float: 'NaN' }),
    (error) => isFailure(error, 'bad-input'),
  );
  assert.throws(
    () => encodeSqlite('\ud800'),
    (error) => isFailure(error, 'bad-input'),
  );
});

void test('PostgreSQL: arrays, JSON and bytes are told apart by the column or the tag', () => {
  assert.equal(encodePostgres([1, null, 'a"b\\']), '{"1",NULL,"a\\"b\\\\"}');
  assert.equal(encodePostgres([[1], [2]]), '{{"1"},{"2"}}');
  assert.equal(encodePostgres({ $json: [1] }), '[1]');
  assert.equal(encodePostgres([1], { type: 'jsonb', isJson: true }), '[1]');
  assert.deepEqual(encodePostgres({ $bytes: 'AQI=' }), Buffer.from([1, 2]));
  assert.throws(
    () => encodePostgres('a\0b'),
    (error) => isFailure(error, 'bad-input'),
  );
  const parse = (oid: number, text: string): unknown => postgresTypes().getTypeParser(oid)(text);
  assert.deepEqual(parse(1007, '{{1,2},{3,NULL}}'), [
    [1, 2],
    [3, null],
  ]);
  assert.deepEqual(parse(1009, '{"NULL",NULL,"{a}",""}'), ['NULL', null, '{a}', '']);
  assert.equal(parse(1007, '[0:1]={1,2}'), '[0:1]={1,2}');
  assert.deepEqual(
    [parse(20, '9007199254740993'), parse(1700, '5'), parse(1700, '5.0'), parse(701, '-0')],
    [{ $int: '9007199254740993' }, 5, { $numeric: '5.0' }, { $float: '-0' }],
  );
});

void test('the mutex serves in order, bounds a wait, and survives one that gave up', async () => {
  const mutex = new AsyncMutex('the thing');
  const release = await mutex.acquire(10);
  await assert.rejects(mutex.acquire(10), (error) => isFailure(error, 'busy') && error.message.includes('the thing'));
  const order: number[] = [];
  const waiting = [1, 2, 3].map(async (turn) => {
    const done = await mutex.acquire(1000);
    order.push(turn);
    done();
  });
  release();
  release();
  await Promise.all(waiting);
  assert.deepEqual(order, [1, 2, 3]);
});
