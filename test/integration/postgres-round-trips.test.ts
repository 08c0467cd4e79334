/** What a step with one PostgreSQL row asks of the server: counts, which no busy machine changes, and what waits. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { CountedQueries, type Counted } from '../support/counted-queries.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { readLedger } from '../support/ledger.ts';
import { PostgresJob } from '../support/postgres-job.ts';
import { direct } from '../support/postgres-subject.ts';
import { testPostgres } from '../support/postgres.ts';

const postgres = await testPostgres();

/** The transaction with its lock, token, row and schema; the change, read back; COMMIT. */
const ROUND_TRIPS = 3;
const STATEMENTS = 14;

test('once warm, a step and a sub-step with a file and a row take three round trips and 14 statements', async () => {
  const url = await postgres.database();
  await direct(url, 'CREATE TABLE note (id integer PRIMARY KEY, text text)');
  const job = new PostgresJob(url);
  using queries = new CountedQueries();
  let last = 0;
  const act = async (ctx: StepContext): Promise<void> => {
    last += 1;
    await ctx.files.write(`${last}.txt`, 'x'.repeat(1024));
    await ctx.db('main').insert('note', { id: last, text: 'x' });
  };
  try {
    await job.step('first', act);
    const step = await queries.during(() => job.step('second', act));
    const counted: Counted[] = [];
    await job.step('outer', async (ctx) => {
      for (const name of ['a', 'b', 'c']) counted.push(await queries.during(() => ctx.step(name, {}, act)));
    });
    const most: Counted = { statements: STATEMENTS, roundTrips: ROUND_TRIPS };
    assert.deepEqual([step, ...counted], [most, most, most, most]);
    assert.equal((await job.direct('SELECT FROM note')).length, last);
  } finally {
    await job.end();
  }
});

test('what is known of a table is compared before a step that leaned on it changes anything', async () => {
  const url = await postgres.database();
  await direct(url, 'CREATE TABLE note (id integer PRIMARY KEY, text text)');
  const job = new PostgresJob(url);
  let runs = 0;
  try {
    await job.step('first', async (ctx) => ctx.db('main').insert('note', { id: 1, text: 'x' }));
    await job.direct(
      'CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION $e$told$e$; END $$',
      'CREATE TRIGGER tell BEFORE INSERT ON note FOR EACH STATEMENT EXECUTE FUNCTION tell()',
    );
    const second = job.step('second', async (ctx) => {
      runs += 1;
      await ctx.db('main').insert('note', { id: 2, text: 'x' });
    });
    const { findings } = await job.asks(second);
    assert.ok(
      findings.some(({ resource }) => resource === 'schema:main/note'),
      JSON.stringify(findings),
    );
    assert.equal(runs, 1);
    assert.equal((await job.direct('SELECT FROM note')).length, 1);
  } finally {
    await job.end();
  }
});

test('a step that only reads a table looks at its schema, whatever is known of it', async () => {
  const url = await postgres.database();
  await direct(url, 'CREATE TABLE note (id integer PRIMARY KEY, text text)');
  const job = new PostgresJob(url);
  try {
    await job.step('first', async (ctx) => ctx.db('main').insert('note', { id: 1, text: 'x' }));
    await job.direct('ALTER TABLE note ADD COLUMN more text');
    const second = job.step('second', async (ctx) => void (await ctx.db('main').query('SELECT id FROM note')));
    const { findings } = await job.asks(second);
    assert.ok(
      findings.some(({ resource }) => resource === 'schema:main/note'),
      JSON.stringify(findings),
    );
  } finally {
    await job.end();
  }
});

test('a row that is there and was taken for none is looked at: its insert fails, and nothing is changed', async () => {
  const url = await postgres.database();
  await direct(url, 'CREATE TABLE note (id integer PRIMARY KEY, text text)');
  const job = new PostgresJob(url);
  let runs = 0;
  try {
    await job.step('first', async (ctx) => ctx.db('main').insert('note', { id: 1, text: 'x' }));
    await job.direct(`INSERT INTO note VALUES (2, 'theirs')`);
    const second = job.step('second', async (ctx) => {
      runs += 1;
      await ctx.db('main').insert('note', { id: 2, text: 'ours' });
    });
    await assert.rejects(second, /duplicate key/);
    assert.equal(runs, 2);
    assert.deepEqual(await job.direct('SELECT text FROM note WHERE id = 2'), [{ text: 'theirs' }]);
  } finally {
    await job.end();
  }
});

test('the token row has the note of what was read back, foreseen or not', async () => {
  const url = await postgres.database();
  await direct(url, 'CREATE TABLE price (id integer PRIMARY KEY, name text, amount numeric(6, 2))');
  const job = new PostgresJob(url);
  try {
    await job.step('as given', async (ctx) => ctx.db('main').insert('price', { id: 1, name: 'one' }));
    await job.step('made longer', async (ctx) => ctx.db('main').insert('price', { id: 2, amount: '1.5' }));
    const { workspace, jobId } = job.job;
    const rows = await job.direct('SELECT token, "rows" FROM holdfast_token');
    assert.equal(rows.length, 2);
    readLedger(workspace, (ledger) => {
      for (const row of rows) {
        const entry = ledger.manifestEntry(jobId, `token:main/${String(row['token'])}`);
        assert.ok(entry?.state.kind === 'token');
        assert.equal(row['rows'], entry.state.rows);
      }
    });
  } finally {
    await job.end();
  }
});

test('the note of what was read back is answered before anything is applied', async () => {
  const url = await postgres.database();
  await direct(
    url,
    'CREATE TABLE note (id integer PRIMARY KEY, text text)',
    `CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN DELETE FROM holdfast_token; RETURN NULL; END $$`,
    'CREATE TRIGGER forget AFTER INSERT ON note FOR EACH ROW EXECUTE FUNCTION forget()',
  );
  const job = new PostgresJob(url);
  const act = async (ctx: StepContext): Promise<void> => {
    await ctx.files.write('made.txt', 'made');
    await ctx.db('main').insert('note', { id: 1, text: 'made' });
  };
  try {
    await assert.rejects(job.step('refused', act), /token row .* is not there to note rows in/);
    const { workspace, jobId } = job.job;
    const states = readLedger(workspace, (ledger) => ledger.openIntents(jobId).map(({ state }) => state));
    assert.ok(!states.includes('applying'), 'the intent is half applied');
    assert.deepEqual(await job.direct('SELECT FROM note'), []);
    assert.ok(!existsSync(join(workspace, 'made.txt')));
  } finally {
    await job.end();
  }
});

test('a table that is altered after a step has observed it is not changed by what the step has staged', async () => {
  const url = await postgres.database();
  await direct(url, 'CREATE TABLE note (id integer PRIMARY KEY, text text)');
  const job = new PostgresJob(url);
  let runs = 0;
  try {
    await job.step('altered', async (ctx) => {
      runs += 1;
      await ctx.db('main').insert('note', { id: 1, text: `run ${runs}` });
      if (runs === 1) await job.direct('ALTER TABLE note ALTER COLUMN text SET NOT NULL');
    });
    assert.equal(runs, 2);
    assert.deepEqual(await job.direct('SELECT text FROM note'), [{ text: 'run 2' }]);
  } finally {
    await job.end();
  }
});

test('a table is not altered between the snapshot of a transaction and what it changes in it', async () => {
  const url = await postgres.database();
  await direct(url, 'CREATE TABLE note (id integer PRIMARY KEY, text text)');
  const job = new PostgresJob(url);
  const begun = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'`;
  let altered: unknown;
  try {
    setFaultHook(async (point) => {
      if (point !== 'prepare.database-begun') return;
      setFaultHook(undefined);
      while ((await job.direct(begun)).length === 0) await setTimeout(5);
      altered = await job
        .direct(`SET lock_timeout = '100ms'`, `ALTER TABLE note ALTER COLUMN text SET DEFAULT 'x'`)
        .catch((error: unknown) => error);
    });
    await job.step('insert', async (ctx) => ctx.db('main').insert('note', { id: 1, text: 'x' }));
    assert.match(String(altered), /lock timeout/);
    assert.equal((await job.direct('SELECT FROM note')).length, 1);
  } finally {
    setFaultHook(undefined);
    await job.end();
  }
});
