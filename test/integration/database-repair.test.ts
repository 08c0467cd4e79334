/** What a decision takes back in a database: in the reverse order, and under the fence. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { databaseTests, testPostgres } from '../support/database-jobs.ts';
import { comparedQuestion, decide } from '../support/questions.ts';

const check = databaseTests(await testPostgres());
const TABLE = 'CREATE TABLE account (id integer PRIMARY KEY, n integer NOT NULL)';
const INPUT = 'input.txt';

check('a row and a statement of one step are undone in the reverse order of their making', async (jobs) => {
  const job = jobs.open();
  jobs.put(INPUT, 'first\n');
  await jobs.direct(TABLE, 'INSERT INTO account VALUES (1, 10)');
  await jobs.run(job, 'double', async (ctx) => {
    await ctx.files.readText(INPUT);
    await ctx.db('main').update('account', { id: 1 }, { n: 15 });
    await ctx.db('main').sql('UPDATE account SET n = n * 2', [], {
      writes: ['account'],
      undo: { text: 'UPDATE account SET n = n / 2' },
    });
  });
  jobs.put(INPUT, 'second\n');
  await decide(job, await comparedQuestion(job), { answer: 'rerun' });
  assert.deepEqual(await jobs.rows('SELECT n FROM account'), [{ n: 10 }]);
});

check('of two half-applied steps that run again the newer is undone first', async (jobs) => {
  const job = jobs.open();
  jobs.put(INPUT, 'first\n');
  await jobs.direct('CREATE TABLE log (id integer PRIMARY KEY)');
  await jobs.run(job, 'read', (ctx) => ctx.files.readText(INPUT));
  setFaultHook((point) => {
    if (point === 'record.before') throw new Error('the worker dies here');
  });
  await assert.rejects(
    jobs.run(job, 'make', (ctx) =>
      ctx.db('main').sql(TABLE, [], { writes: ['account'], undo: { text: 'DROP TABLE account' } }),
    ),
  );
  const undo = { text: 'DELETE FROM account WHERE id = 1' };
  await assert.rejects(
    jobs.run(job, 'fill', (ctx) =>
      ctx.db('main').sql('INSERT INTO account VALUES (1, 1)', [], { writes: ['account'], undo }),
    ),
  );
  setFaultHook(undefined);
  jobs.put(INPUT, 'second\n');
  const successor = jobs.open({ resume: job.memory, workerId: 'its successor' });
  const compared = await successor.verify('asked', 'by the test', ['make', 'fill']);
  assert.ok(compared.kind === 'question');
  const notes = await decide(successor, compared.question, { answer: 'rerun' });
  assert.deepEqual(
    notes.filter((note) => note.includes('unchanged')),
    [],
  );
  await assert.rejects(jobs.rows('SELECT * FROM account'), /account/);
});

check(
  'while a decision takes rows back nobody raises the term',
  async (jobs) => {
    const job = jobs.open();
    jobs.put(INPUT, 'first\n');
    await jobs.direct(TABLE);
    await jobs.run(job, 'write', async (ctx) => {
      await ctx.files.readText(INPUT);
      await ctx.db('main').insert('account', { id: 1, n: 1 });
    });
    jobs.put(INPUT, 'second\n');
    const question = await comparedQuestion(job);
    let refusal = '';
    setFaultHook(async (point) => {
      if (point !== 'repair.database-ready') return;
      await assert.rejects(jobs.rows('SELECT term FROM holdfast_fence FOR UPDATE NOWAIT'), (error: Error) => {
        refusal = error.message;
        return true;
      });
    });
    await decide(job, question, { answer: 'rerun' });
    assert.match(refusal, /could not obtain lock/);
    assert.deepEqual(await jobs.rows('SELECT * FROM account'), []);
  },
  'PostgreSQL',
);

check(
  'a transaction that waits for large files does not idle',
  async (jobs) => {
    const job = jobs.open();
    await jobs.direct(TABLE);
    let idle: readonly unknown[] = [];
    setFaultHook(async (point) => {
      if (point !== 'prepare.database-ready') return;
      await delay(2_300);
      idle = await jobs.rows(
        `SELECT query FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`,
      );
    });
    await jobs.run(job, 'write', (ctx) => ctx.db('main').insert('account', { id: 1, n: 1 }));
    assert.deepEqual(idle, [{ query: 'SELECT 1' }]);
  },
  'PostgreSQL',
);
