import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  describeRowChange,
  describeRowDifference,
  MAX_ROW_DIFFERENCE_LINES,
} from '../../src/effects/database/row-difference.ts';
import { describeSchemaDifference, MAX_SCHEMA_DIFFERENCE_LINES } from '../../src/effects/database/schema-difference.ts';
import { ABSENT, sameState, type RowState, type TableSchemaState } from '../../src/model/record/world.ts';

type Column = TableSchemaState['columns'][number];

function column(name: string, position: number, change: Partial<Column> = {}): Column {
  return { name, type: 'REAL', nullable: true, default: null, position, generated: null, ...change };
}

function table(columns: readonly Column[], change: Partial<TableSchemaState> = {}): TableSchemaState {
  return { kind: 'schema', columns: [...columns], primaryKey: [], indexes: [], constraints: [], ...change };
}

const WEATHER = table([column('day', 1, { type: 'TEXT' }), column('temp_max', 2), column('temp_min', 3)], {
  primaryKey: ['day'],
  indexes: ['CREATE INDEX hot ON weather (temp_max)'],
  constraints: ['CHECK (temp_max > temp_min)'],
});

function renamed(state: TableSchemaState, from: string, to: string): TableSchemaState {
  return JSON.parse(JSON.stringify(state).replaceAll(from, to)) as TableSchemaState;
}

void test('a column that differs only in its name is renamed; what follows from the name is not told again', () => {
  assert.deepEqual(describeSchemaDifference(WEATHER, renamed(WEATHER, 'temp_max', 'tmax')), [
    'column "temp_max" renamed to "tmax"',
  ]);
  assert.deepEqual(describeSchemaDifference(WEATHER, renamed(WEATHER, 'day', 'date')), [
    'column "day" renamed to "date"',
  ]);
});

void test('without that evidence it is dropped and added', () => {
  const elsewhere = table([WEATHER.columns[0]!, column('temp_min', 2), column('tmax', 3)], { primaryKey: ['day'] });
  assert.deepEqual(describeSchemaDifference({ ...WEATHER, indexes: [], constraints: [] }, elsewhere), [
    'column "temp_max" dropped (REAL)',
    'column "tmax" added (REAL)',
  ]);
  const otherType = table(
    [WEATHER.columns[0]!, column('tmax', 2, { type: 'TEXT', nullable: false, default: "'x'" }), WEATHER.columns[2]!],
    { primaryKey: ['day'] },
  );
  assert.deepEqual(describeSchemaDifference({ ...WEATHER, indexes: [], constraints: [] }, otherType), [
    'column "temp_max" dropped (REAL)',
    `column "tmax" added (TEXT, NOT NULL, default 'x')`,
  ]);
  const seen = describeSchemaDifference(WEATHER, renamed(WEATHER, 'temp_max', 'tmax'), { isDataIntact: () => false });
  assert.ok(seen.includes('column "temp_max" dropped (REAL)') && seen.includes('column "tmax" added (REAL)'));
});

void test('a last column whose number SQLite would give again is called renamed only when its data says so', () => {
  const plain = table([column('a', 1), column('b', 2)]);
  const found = table([column('a', 1), column('c', 2)]);
  assert.match(describeSchemaDifference(plain, found).join('\n'), /renamed, or dropped and added anew/);
  assert.deepEqual(describeSchemaDifference(plain, found, { isDataIntact: () => true }), ['column "b" renamed to "c"']);
  assert.deepEqual(describeSchemaDifference(plain, found, { dialect: 'postgres' }), ['column "b" renamed to "c"']);
});

void test('two columns that swapped names show as two that changed, or as nothing but their order', () => {
  const before = table([column('a', 1), column('b', 2)], { constraints: ['CHECK (a > b)'] });
  const after = table([column('b', 1), column('a', 2)], { constraints: ['CHECK (b > a)'] });
  const lines = describeSchemaDifference(before, after);
  assert.ok(lines.some((line) => line.includes('another order')));
});

void test('types, nullability, defaults, keys, indexes and constraints are told one by one', () => {
  const found = table(
    [
      column('day', 1, { type: 'TEXT', nullable: false }),
      column('temp_max', 2, { type: 'TEXT', default: '0' }),
      column('temp_min', 3, { generated: '(1) STORED' }),
    ],
    {
      primaryKey: ['day', 'temp_max'],
      indexes: ['CREATE UNIQUE INDEX hot ON weather (temp_max)', 'CREATE INDEX cold ON weather (temp_min)'],
      constraints: ['CONSTRAINT positive CHECK (temp_min > 0)'],
    },
  );
  assert.deepEqual(describeSchemaDifference(WEATHER, found), [
    'column "day": NOT NULL added, it may no longer be null',
    'column "temp_max": type changed from REAL to TEXT',
    'column "temp_max": default changed from none to 0',
    'column "temp_min": generation changed from none to (1) STORED',
    'primary key changed from (day) to (day, temp_max)',
    'index changed from CREATE INDEX hot ON weather (temp_max) to CREATE UNIQUE INDEX hot ON weather (temp_max)',
    'index added: CREATE INDEX cold ON weather (temp_min)',
    'constraint dropped: CHECK (temp_max > temp_min)',
    'constraint added: CONSTRAINT positive CHECK (temp_min > 0)',
  ]);
  assert.deepEqual(describeSchemaDifference(WEATHER, { ...WEATHER, indexes: [] }), [
    'index dropped: CREATE INDEX hot ON weather (temp_max)',
  ]);
});

void test('a table that came or went, and columns only numbered anew, are told', () => {
  assert.deepEqual(describeSchemaDifference(WEATHER, ABSENT), [
    'table dropped; it had the columns day, temp_max, temp_min',
  ]);
  assert.deepEqual(describeSchemaDifference(ABSENT, WEATHER), [
    'table created, with the columns day, temp_max, temp_min',
  ]);
  assert.deepEqual(describeSchemaDifference(ABSENT, ABSENT), []);
  const compact = table([column('a', 1), column('b', 2)]);
  assert.match(describeSchemaDifference(table([column('a', 1), column('b', 4)]), compact).join('\n'), /numbered anew/);
});

const names = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const schemas = fc
  .uniqueArray(
    fc.record({
      name: names,
      type: fc.constantFrom('TEXT', 'REAL'),
      nullable: fc.boolean(),
      default: fc.constantFrom(null, '0'),
      generated: fc.constantFrom(null, '(1) STORED'),
    }),
    { selector: ({ name }) => name, minLength: 1 },
  )
  .chain((columns) =>
    fc.record({
      kind: fc.constant('schema' as const),
      columns: fc.constant(columns.map((each, index) => ({ ...each, position: index + 1 }))),
      primaryKey: fc.constantFrom<string[]>([], [columns[0]!.name]),
      indexes: fc.subarray(['CREATE INDEX x ON t (a)', 'CREATE INDEX y ON t (b)', 'CREATE INDEX y ON t (c)']),
      constraints: fc.subarray(['CHECK (a > 0)', 'UNIQUE (b)']),
    }),
  );

void test('schemas that differ give lines, equal ones none, whatever they are', () => {
  fc.assert(
    fc.property(
      fc.oneof(schemas, fc.constant(ABSENT)),
      fc.oneof(schemas, fc.constant(ABSENT)),
      fc.constantFrom(undefined, true, false),
      (expected, found, isIntact) => {
        const lines = describeSchemaDifference(
          expected,
          found,
          isIntact === undefined ? {} : { isDataIntact: () => isIntact },
        );
        assert.equal(lines.length === 0, sameState(expected, found));
        assert.ok(
          lines.length <= MAX_SCHEMA_DIFFERENCE_LINES && lines.every((line) => line !== '' && line.length <= 300),
        );
      },
    ),
  );
});

function row(columns: Extract<RowState, { kind: 'row' }>['columns']): RowState {
  return { kind: 'row', columns };
}

void test('rows: what differs is shown by column, exact numbers as digits, bytes as size and digest', () => {
  const expected = row({ temp: 21, note: 'fine', price: { $numeric: '21.50' }, raw: { $bytes: 'AQI=' }, same: 1 });
  const found = row({ temp: 22, note: null, price: { $numeric: '21.5' }, raw: { $bytes: 'AQM=' }, same: 1 });
  const lines = describeRowDifference(expected, found);
  assert.deepEqual(lines.slice(0, 3), [
    '"temp": expected 21, found 22',
    '"note": expected "fine", found null',
    '"price": expected 21.50, found 21.5',
  ]);
  assert.match(lines[3]!, /^"raw": expected 2 bytes \(a12871fee210\), found 2 bytes \([0-9a-f]{12}\)$/);
  assert.equal(lines.length, 4);
});

void test('rows: one that is gone, one too many, a column that is missing, and one of another type', () => {
  assert.deepEqual(describeRowDifference(row({ a: 1 }), ABSENT), ['the row is gone', '"a": expected 1']);
  assert.deepEqual(describeRowDifference(ABSENT, row({ a: 1 })), ['a row is there; expected none', '"a": found 1']);
  assert.deepEqual(describeRowDifference(row({ a: 1, b: 2 }), row({ b: 2 })), [
    '"a": expected 1, found no such column',
  ]);
  assert.deepEqual(describeRowDifference(row({ a: { $float: '21' } }), row({ a: 21 })), [
    '"a": expected 21 (as another type), found 21',
  ]);
});

void test('rows: a change to come is told as what goes and what comes', () => {
  assert.deepEqual(describeRowChange(ABSENT, row({ a: 1, b: 'x' })), ['+"a": 1', '+"b": "x"']);
  assert.deepEqual(describeRowChange(row({ a: 1 }), ABSENT), ['-"a": 1']);
  assert.deepEqual(describeRowChange(row({ a: 1, b: 2 }), row({ a: 1, b: 3, c: 4 })), [
    '-"b": 2',
    '+"b": 3',
    '+"c": 4',
  ]);
});

void test('rows: long values are cut around the place where they part', () => {
  const text = 'x'.repeat(5000);
  const [line] = describeRowDifference(row({ a: `${text}left${text}` }), row({ a: `${text}right${text}` }));
  assert.match(line!, /xleft/);
  assert.match(line!, /xright/);
  assert.ok(line!.length < 300, line);
});

void test('rows that differ give lines, equal ones none, and never too many', () => {
  const states = fc.oneof(
    fc.constant(ABSENT),
    fc
      .dictionary(
        fc.string(),
        fc.oneof(fc.integer(), fc.string({ unit: 'grapheme' }), fc.constant({ $float: 'NaN' })),
        { maxKeys: 80 },
      )
      .map((columns) => row({ ...columns })),
  );
  fc.assert(
    fc.property(states, states, (expected, found) => {
      const lines = describeRowDifference(expected, found);
      assert.equal(lines.length === 0, sameState(expected, found));
      assert.ok(lines.length <= MAX_ROW_DIFFERENCE_LINES);
    }),
  );
});
