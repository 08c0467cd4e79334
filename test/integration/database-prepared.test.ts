/** Statements that are prepared once a connection read what is there each time, and may be lost. */
import assert from 'node:assert/strict';
import { assertFails, TIMEOUTS } from '../support/database-subject.ts';
import { postgresCheck } from '../support/postgres-subject.ts';
import { testPostgres } from '../support/postgres.ts';

const postgres = await testPostgres();
const check = postgresCheck(postgres);

/** After so many runs the server may keep one plan for all. */
const RUNS_UNTIL_PLANNED = 8;
const TABLES = [
  'CREATE TABLE parent (id integer PRIMARY KEY)',
  "CREATE TYPE mood AS ENUM ('calm')",
  'CREATE DOMAIN small AS integer CHECK (VALUE < 10)',
  `CREATE TABLE item (id integer PRIMARY KEY, parent integer REFERENCES parent (id), mood mood, size small,
     place integer DEFAULT 1)`,
  'CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$',
  'CREATE TRIGGER mark BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION mark()',
];
/** Also what leaves each row of the catalog that belongs to the table as it was. */
const CHANGES = [
  'ALTER TABLE item ADD COLUMN more text',
  'ALTER TABLE item ALTER COLUMN place SET DEFAULT 2',
  'ALTER TABLE item ALTER COLUMN place TYPE bigint',
  'CREATE INDEX item_place ON item (place)',
  'ALTER TABLE parent RENAME TO parents',
  'ALTER TABLE parents RENAME COLUMN id TO number',
  "ALTER TYPE mood ADD VALUE 'loud'",
  'ALTER DOMAIN small ADD CHECK (VALUE > 0)',
  'CREATE OR REPLACE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$',
  'ALTER TABLE item DISABLE TRIGGER mark',
  'ALTER TABLE item RENAME TO other; CREATE TABLE item (id integer PRIMARY KEY)',
  'CREATE SCHEMA first; CREATE TABLE first.item (id integer PRIMARY KEY)',
];

check('each change of a table shows, however often it was read before', TABLES, async (subject, database) => {
  const name = new URL(subject.url).pathname.slice(1);
  await subject.direct(`ALTER DATABASE "${name}" SET search_path = first, public`);
  for (let run = 0; run < RUNS_UNTIL_PLANNED; run++) await database.schema('item');
  let before = await database.schema('item');
  for (const change of CHANGES) {
    await subject.direct(change);
    const after = await database.schema('item');
    assert.notDeepEqual(after, before, change);
    assert.deepEqual(await database.schema('item'), after, change);
    before = after;
  }
});

check('what reads the catalog is planned anew five times at most', TABLES, async (_subject, database) => {
  for (let run = 0; run < RUNS_UNTIL_PLANNED; run++) {
    await database.schema('item');
    await database.reach(['item']);
  }
  const { rows } = await database.query(
    `SELECT custom_plans::integer AS planned, (generic_plans + custom_plans)::integer AS runs
     FROM pg_prepared_statements WHERE name LIKE 'holdfast_%' ORDER BY statement LIKE '%reached%'`,
    [],
  );
  const once = { planned: 5, runs: RUNS_UNTIL_PLANNED };
  assert.deepEqual(rows.slice(-2), [once, once]);
});

check(
  'a query of a step takes the prepared statements of its connection with it',
  TABLES,
  async (_subject, database) => {
    const schema = await database.schema('item');
    for (let run = 0; run < 3; run++) {
      await database.query('SELECT 1', []);
      assert.deepEqual(await database.schema('item'), schema);
    }
  },
);

check('a prepared statement that is lost is asked for again, unprepared', TABLES, async (_subject, database) => {
  const schema = await database.schema('item');
  const transaction = await database.begin(TIMEOUTS);
  await transaction.schema('item');
  await transaction.applySql({ text: "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$", params: [] });
  await assertFails(transaction.schema('item'), 'busy', 'lost a prepared statement');
  await transaction.rollback();
  for (let run = 0; run < 3; run++) assert.deepEqual(await database.schema('item'), schema);
});
