/**
 * Rows that somebody else has put under a job's rows: undoing the job takes none of them along unasked. What the job
 * itself has changed since, by a statement, is blamed on nobody.
 */
import assert from 'node:assert/strict';
import type { TestJob } from '../../src/testing.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { databaseTests, testPostgres, type DatabaseJobs } from '../support/database-jobs.ts';
import { chainOf } from '../support/ledger.ts';
import { comparedQuestion, decide, questionFrom } from '../support/questions.ts';

const check = databaseTests(await testPostgres());
const PARENT = 'CREATE TABLE parent (id integer PRIMARY KEY, text text)';
const CHILD = 'row:main/child/{"id":9}';
const THEIRS = `INSERT INTO child VALUES (9, 'by Ada', 1)`;
const INPUT = 'input.txt';

/** A job that has put two parents; somebody has put a child under the first since. */
async function adopted(jobs: DatabaseJobs, action: string): Promise<TestJob> {
  const job = jobs.open();
  jobs.put(INPUT, 'first\n');
  const child = `CREATE TABLE child (id integer PRIMARY KEY, text text, parent integer REFERENCES parent ${action})`;
  await jobs.direct(PARENT, child);
  await jobs.run(job, 'parents', async (ctx) => {
    await ctx.files.readText(INPUT);
    await ctx.db('main').insert('parent', [
      { id: 1, text: 'one' },
      { id: 2, text: 'two' },
    ]);
  });
  await jobs.direct(THEIRS);
  return job;
}

const CHILDREN = 'SELECT * FROM child ORDER BY id';
const PARENTS = 'SELECT id FROM parent ORDER BY id';

for (const action of ['CASCADE', 'SET NULL'])
  check(`a row of somebody else that ON DELETE ${action} would change is asked about, and can stay`, async (jobs) => {
    const job = await adopted(jobs, `ON DELETE ${action}`);
    const question = await questionFrom(job.undo());
    assert.deepEqual(
      question.findings.map(({ resource, kind, answers }) => [resource, kind, answers]),
      [[CHILD, 'changed-since', ['skip', 'overwrite', 'recheck', 'abort']]],
    );
    assert.match(question.findings[0]!.found.text, /by Ada/);
    assert.match(question.findings[0]!.difference, new RegExp(`ON DELETE ${action}.*row:main/parent/{"id":1}`));
    assert.equal((await jobs.rows(PARENTS)).length, 2, 'nothing is undone before the answer');
    await decide(job, question, { answer: 'skip' });
    const { left } = await job.undo();
    assert.deepEqual(
      left.map(({ what }) => what),
      ['row:main/parent/{"id":1}'],
    );
    assert.match(left[0]!.why, /row:main\/child/);
    assert.deepEqual(await jobs.rows(PARENTS), [{ id: 1 }]);
    assert.deepEqual(await jobs.rows(CHILDREN), [{ id: 9, text: 'by Ada', parent: 1 }]);
  });

check('a row of somebody else goes along where a person says so, and the record has what it was', async (jobs) => {
  const job = await adopted(jobs, 'ON DELETE CASCADE');
  await decide(job, await questionFrom(job.undo()), { answer: 'overwrite' });
  await jobs.direct(`INSERT INTO child VALUES (10, 'by Bob', 2)`);
  const second = await questionFrom(job.undo());
  assert.deepEqual(
    second.findings.map(({ resource }) => resource),
    ['row:main/child/{"id":10}'],
    'the answer was about one row',
  );
  await decide(job, second, { answer: 'overwrite' });
  assert.deepEqual((await job.undo()).left, []);
  assert.deepEqual(await jobs.rows(PARENTS), []);
  assert.deepEqual(await jobs.rows(CHILDREN), []);
  const taken = chainOf(job.workspace, job.jobId).flatMap((record) =>
    record.kind === 'undone'
      ? record.effects.flatMap(({ effect }) => ('by' in effect ? [[effect.key['id'], effect.before] as const] : []))
      : [],
  );
  assert.deepEqual(
    new Map(taken),
    new Map([
      [9, { kind: 'row', columns: { id: 9, text: 'by Ada', parent: 1 } }],
      [10, { kind: 'row', columns: { id: 10, text: 'by Bob', parent: 2 } }],
    ]),
  );
});

check(
  'a row that somebody puts there when the undoing is about to be applied is asked about, too',
  async (jobs) => {
    const job = await adopted(jobs, 'ON DELETE CASCADE');
    await jobs.direct('DELETE FROM child');
    setFaultHook((point) => {
      if (point !== 'seal.before') return;
      setFaultHook(undefined);
      void jobs.direct(THEIRS);
    });
    const question = await questionFrom(job.undo());
    assert.deepEqual(
      question.findings.map(({ resource }) => resource),
      [CHILD],
    );
  },
  'SQLite',
);

check('what the job has put under its own rows is undone with them, and nobody is asked', async (jobs) => {
  const job = await adopted(jobs, 'ON DELETE CASCADE');
  await jobs.direct('DELETE FROM child');
  await jobs.run(job, 'children', (ctx) =>
    ctx.db('main').insert(
      'child',
      [1, 2, 3].map((id) => ({ id, text: 'by the job', parent: 1 })),
    ),
  );
  assert.deepEqual((await job.undo()).left, []);
  assert.deepEqual(await jobs.rows(PARENTS), []);
});

check('a row that a trigger has put under a row of the step is not somebody else’s', async (jobs) => {
  const job = jobs.open();
  await jobs.direct(
    PARENT,
    'CREATE TABLE child (id integer PRIMARY KEY, parent integer REFERENCES parent ON DELETE CASCADE)',
  );
  await jobs.trigger('AFTER INSERT', 'parent', {
    sqlite: 'INSERT INTO child VALUES (NEW.id, NEW.id);',
    postgres: 'INSERT INTO child VALUES (NEW.id, NEW.id); RETURN NEW;',
  });
  await jobs.run(job, 'parent', (ctx) => ctx.db('main').insert('parent', { id: 1, text: 'one' }));
  await job.undo();
  assert.deepEqual(await jobs.rows('SELECT * FROM child'), []);
});

check('a decision that takes rows back leaves those under which somebody has put rows', async (jobs) => {
  const job = await adopted(jobs, 'ON DELETE CASCADE');
  jobs.put(INPUT, 'second\n');
  const notes = await decide(job, await comparedQuestion(job), { answer: 'rerun' });
  assert.deepEqual(await jobs.rows(CHILDREN), [{ id: 9, text: 'by Ada', parent: 1 }]);
  assert.deepEqual(await jobs.rows(PARENTS), [{ id: 1 }]);
  assert.ok(
    notes.some((note) => /row:main\/parent\/{"id":1}: unchanged .*row:main\/child\/{"id":9}/.test(note)),
    notes.join('\n'),
  );
});

const TOTALS = 'CREATE TABLE totals (id integer PRIMARY KEY, n integer NOT NULL)';
const COUNT = 'UPDATE totals SET n = n + 1 WHERE id = 1;';

/** A row of an earlier step, which a statement of a later one changes: itself, or by a trigger. */
async function counted(jobs: DatabaseJobs, between?: (job: TestJob) => Promise<void>): Promise<TestJob> {
  const job = jobs.open();
  await jobs.direct(PARENT, TOTALS, 'INSERT INTO totals VALUES (1, 5)');
  await jobs.trigger('AFTER INSERT', 'parent', { sqlite: COUNT, postgres: `${COUNT} RETURN NEW;` });
  await jobs.run(job, 'total', (ctx) => ctx.db('main').update('totals', { id: 1 }, { n: 10 }));
  await between?.(job);
  const undo = { text: 'DELETE FROM parent' };
  await jobs.run(job, 'sql', (ctx) =>
    ctx.db('main').sql(`INSERT INTO parent VALUES (1, 'one')`, [], { writes: ['parent'], undo }),
  );
  assert.deepEqual(await jobs.rows('SELECT n FROM totals'), [{ n: between === undefined ? 11 : 21 }]);
  return job;
}

check('what a trigger made of an earlier row after a statement is the job’s own, and undone unasked', async (jobs) => {
  const job = await counted(jobs);
  assert.equal((await job.verify()).kind, 'verified');
  assert.deepEqual((await job.undo()).left, []);
  assert.deepEqual(await jobs.rows('SELECT n FROM totals'), [{ n: 5 }]);
});

check(
  'a row of which a person has accepted a change is asked about, whatever the job did to it later',
  async (jobs) => {
    const job = await counted(jobs, async (open) => {
      await jobs.direct('UPDATE totals SET n = 20 WHERE id = 1');
      await decide(open, await comparedQuestion(open), { answer: 'accept' });
    });
    const question = await questionFrom(job.undo());
    assert.deepEqual(
      question.findings.map(({ resource, kind }) => [resource, kind]),
      [['row:main/totals/{"id":1}', 'changed-since']],
    );
  },
);
