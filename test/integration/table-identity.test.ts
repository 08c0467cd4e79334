/** Which table a name leads to, and what a write of it does, are part of the record: neither changes unseen. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sameState } from '../../src/model/record/world.ts';
import { dieAt } from '../support/fault-hook.ts';
import { findingOf, PostgresJob, throwQuestion } from '../support/postgres-job.ts';
import { postgresSubject } from '../support/postgres-subject.ts';
import { testPostgres } from '../support/postgres.ts';

const postgres = await testPostgres();
const ITEM = 'CREATE TABLE item (id integer PRIMARY KEY, label text)';
/** The same table and rows, in another schema. */
const TWIN = [
  'CREATE SCHEMA other',
  'CREATE TABLE other.item (LIKE public.item INCLUDING ALL)',
  'INSERT INTO other.item SELECT * FROM public.item',
];
const LABELS = 'SELECT id, label FROM other.item ORDER BY id';

async function itemJob(options: ConstructorParameters<typeof PostgresJob>[1] = {}): Promise<PostgresJob> {
  const url = await postgres.database();
  const job = new PostgresJob(url, options);
  await job.direct(ITEM);
  return job;
}

test('after a change of search_path nothing is written to a table of the same name in another schema', async () => {
  for (const isResumed of [false, true]) {
    const job = await itemJob();
    try {
      await job.step('first', (ctx) => ctx.db('main').upsert('item', { id: 1, label: 'ours' }));
      await job.direct(...TWIN);
      await job.searchPath('other, public');
      if (isResumed) await job.resume();
      const question = await job.asks(
        job.step('second', (ctx) => ctx.db('main').upsert('item', { id: 2, label: 'ours' })),
      );
      const finding = findingOf(question, 'schema:main/item');
      assert.equal(finding.kind, 'schema-changed');
      assert.match(
        finding.difference,
        /another table, other\.item: public\.item as it was recorded is still there; search_path is other, public$/,
      );
      assert.match(finding.expected.text, /table public\.item/);
      assert.match(finding.found.text, /table other\.item/);
      assert.match(finding.advice ?? '', /search_path/);
      assert.deepEqual(await job.direct(LABELS), [{ id: 1, label: 'ours' }]);
      await job.searchPath('public');
      await job.job.decide(question, { answer: 'recheck' });
      await job.step('second', (ctx) => ctx.db('main').upsert('item', { id: 2, label: 'ours' }));
      assert.deepEqual(await job.direct(LABELS), [{ id: 1, label: 'ours' }]);
    } finally {
      await job.end();
    }
  }
});

test('what is half applied goes on only in the table for which it was sealed', async () => {
  const job = await itemJob();
  const write = (): Promise<void> =>
    job.step('first', (ctx) => ctx.db('main').upsert('item', { id: 1, label: 'ours' }));
  try {
    dieAt('commit.database-before');
    await write().catch(() => undefined);
    await job.direct(...TWIN);
    await job.searchPath('other, public');
    await job.resume();
    const { expected, found, difference } = (await job.asks(write())).findings[0]!;
    const said = `${expected.text} ${found.text} ${difference}`;
    assert.match(said, /leads to other\.item \(object id \d+\) now\. Expected public\.item/);
    assert.deepEqual(await job.direct(LABELS), []);
  } finally {
    await job.end();
  }
});

test('a watched table is the one that the watch first met, not whatever its name leads to later', async () => {
  const job = await itemJob({ watch: [{ kind: 'schema', database: 'main', table: 'item' }] });
  try {
    await job.step('first', (ctx) => ctx.files.write('a.txt', 'a'));
    await job.direct(...TWIN);
    await job.searchPath('other, public');
    await job.resume();
    const question = await job.asks(job.step('second', (ctx) => ctx.files.write('b.txt', 'b')));
    assert.match(findingOf(question, 'schema:main/item').difference, /another table, other\.item/);
  } finally {
    await job.end();
  }
});

test('a name that leads to no table any more is not said to be a dropped table while the table is there', async () => {
  const job = await itemJob();
  try {
    await job.step('first', (ctx) => ctx.db('main').upsert('item', { id: 1, label: 'ours' }));
    await job.direct('CREATE SCHEMA other');
    await job.searchPath('other');
    await job.resume();
    const question = await job.asks(
      job.step('second', (ctx) => ctx.db('main').upsert('item', { id: 2, label: 'ours' })),
    );
    const finding = findingOf(question, 'schema:main/item');
    assert.match(
      finding.difference,
      /^the name leads to no table: public\.item as it was recorded is still there; search_path is other$/,
    );
    assert.equal(finding.found.text, finding.difference);
    assert.deepEqual(
      question.findings.filter(({ difference, advice }) => /dropped|earlier state/.test(`${difference}${advice}`)),
      [],
    );
  } finally {
    await job.end();
  }
});

test('what the job has in a database is not made a second time where another search_path leads', async () => {
  const job = await itemJob();
  try {
    await job.step('first', (ctx) => ctx.db('main').upsert('item', { id: 1, label: 'ours' }));
    await job.direct('CREATE SCHEMA other');
    await job.searchPath('other');
    // As after a reset: the Run is another one, and a new term begins.
    await job.resume({ runId: 'another Run' });
    const question = await job.asks(job.job.verify().then((verified) => throwQuestion(verified)));
    const finding = findingOf(question, 'database:main');
    assert.equal(finding.kind, 'unreadable');
    assert.match(
      finding.found.text,
      /own table is public\.holdfast_fence, and the search_path \(other\) does not lead/,
    );
    assert.deepEqual(await job.direct("SELECT to_regclass('other.holdfast_fence') AS made"), [{ made: null }]);
    await job.searchPath('public');
    await job.job.decide(question, { answer: 'recheck' });
    assert.equal((await job.job.verify()).kind, 'verified');
  } finally {
    await job.end();
  }
});

test('a term that was raised by another is not said to be an earlier state of the database', async () => {
  const job = await itemJob();
  try {
    await job.step('first', (ctx) => ctx.db('main').upsert('item', { id: 1, label: 'ours' }));
    await job.direct('UPDATE holdfast_fence SET term = term + 5');
    await job.resume();
    const question = await job.asks(job.step('second', (ctx) => ctx.files.write('b.txt', 'b')));
    const { found, advice = '' } = findingOf(question, 'database:main');
    assert.match(found.text, /term 6/);
    assert.match(advice, /^Another copy of this workspace has gone on/);
  } finally {
    await job.end();
  }
});

const BEHAVIOURS: readonly (readonly [what: string, change: string, said: RegExp])[] = [
  ['persistence', 'ALTER TABLE item SET UNLOGGED', /added: UNLOGGED/],
  ['row level security', 'ALTER TABLE item ENABLE ROW LEVEL SECURITY', /added: ROW LEVEL SECURITY/],
  ['a policy', 'CREATE POLICY own ON item USING (id > 0)', /added: POLICY own .* USING \(\(id > 0\)\)/],
  [
    'a trigger',
    'CREATE TRIGGER t BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION keep()',
    /added: CREATE TRIGGER t/,
  ],
  [
    "a trigger's function",
    'CREATE OR REPLACE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$',
    /changed from CREATE TRIGGER t .* to CREATE TRIGGER t/,
  ],
  ['a disabled trigger', 'ALTER TABLE item DISABLE TRIGGER t', /to CREATE TRIGGER t .* DISABLED/],
  ['a rule', 'CREATE RULE r AS ON INSERT TO item DO ALSO NOTHING', /added: CREATE RULE r/],
  ['a label of an enumeration', "ALTER TYPE mood ADD VALUE 'meh'", /TYPE mood AS ENUM \('good', 'bad', 'meh'\)/],
  ["a domain's check", 'ALTER DOMAIN short ADD CONSTRAINT c CHECK (length(VALUE) < 9)', /DOMAIN short AS text CHECK/],
  ['identity', 'ALTER TABLE item ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY', /ALWAYS AS IDENTITY/],
  [
    'partitioning',
    'DROP TABLE item; CREATE TABLE item (id integer PRIMARY KEY, mood mood, name short) PARTITION BY RANGE (id)',
    /added: PARTITION BY RANGE \(id\)/,
  ],
];
const IRRELEVANT = ["COMMENT ON TABLE item IS 'x'", 'ALTER TABLE item OWNER TO CURRENT_USER', 'ANALYZE item'];

test('what changes what a write does is part of a table, and owner, comments and statistics are not', async () => {
  const { describeSchemaDifference } = await import('../../src/effects/database/schema-difference.ts');
  const subject = await postgresSubject(postgres, [
    "CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE DOMAIN short AS text",
    'CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$',
    'CREATE TABLE item (id integer PRIMARY KEY, mood mood, name short)',
  ]);
  const database = await subject.open();
  try {
    let before = await database.schema('item');
    for (const [what, change, said] of BEHAVIOURS) {
      await subject.direct(change);
      const after = await database.schema('item');
      assert.ok(!sameState(before, after), what);
      assert.match(describeSchemaDifference(before, after, { dialect: 'postgres' }).join('\n'), said, what);
      before = after;
    }
    for (const change of IRRELEVANT) {
      await subject.direct(change);
      assert.deepEqual(await database.schema('item'), before, change);
    }
  } finally {
    await database.close();
  }
});
