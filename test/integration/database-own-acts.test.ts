/**
 * What a database does by itself with a step's changes: foreign keys, triggers, rules. It is recorded and undone, or
 * named; nobody is blamed for it; and what was asked for is there afterwards, or the step can't go on.
 */
import assert from 'node:assert/strict';
import type { StepContext } from '../../src/model/step/step-context.ts';
import type { TestJob } from '../../src/testing.ts';
import { databaseTests, testPostgres, type DatabaseJobs } from '../support/database-jobs.ts';
import { dieAt } from '../support/fault-hook.ts';
import { comparedQuestion, decide, questionFrom } from '../support/questions.ts';

const check = databaseTests(await testPostgres());
const PARENT = 'CREATE TABLE parent (id integer PRIMARY KEY, code text UNIQUE)';
const NOTE = 'CREATE TABLE note (id integer PRIMARY KEY, text text)';
const TOTALS = 'CREATE TABLE totals (id integer PRIMARY KEY, n integer NOT NULL)';
const COUNTING = {
  sqlite: 'UPDATE totals SET n = n + 1 WHERE id = 1;',
  postgres: 'UPDATE totals SET n = n + 1 WHERE id = 1; RETURN NEW;',
};

function child(reference: string): string {
  return `CREATE TABLE child (id integer PRIMARY KEY, text text NOT NULL, parent ${reference})`;
}

async function family(jobs: DatabaseJobs, reference: string): Promise<TestJob> {
  const job = jobs.open();
  await jobs.direct(
    PARENT,
    child(reference),
    `INSERT INTO parent VALUES (1, 'one'), (2, 'two')`,
    `INSERT INTO child VALUES (7, 'seven', ${reference.startsWith('text') ? "'one'" : '1'})`,
  );
  return job;
}

const CHILDREN = 'SELECT * FROM child ORDER BY id';

for (const [what, action] of [
  ['deletes', 'CASCADE'],
  ['sets to null', 'SET NULL'],
  ['sets to their default', 'SET DEFAULT'],
] as const)
  check(`rows that a foreign key ${what} with their target come back when the job is undone`, async (jobs) => {
    const job = await family(jobs, `integer DEFAULT 2 REFERENCES parent ON DELETE ${action}`);
    const before = await jobs.rows(CHILDREN);
    await jobs.run(job, 'delete', (ctx) => ctx.db('main').delete('parent', { id: 1 }));
    assert.notDeepEqual(await jobs.rows(CHILDREN), before);
    assert.equal((await job.verify()).kind, 'verified');
    const report = await job.undo();
    assert.deepEqual([report.effects, report.left], ['2 rows', []]);
    assert.deepEqual(await jobs.rows(CHILDREN), before);
    assert.deepEqual(await jobs.rows('SELECT id FROM parent ORDER BY id'), [{ id: 1 }, { id: 2 }]);
  });

check('rows that follow a changed target come back when the job is undone', async (jobs) => {
  const job = await family(jobs, 'text REFERENCES parent (code) ON UPDATE CASCADE');
  const before = await jobs.rows(CHILDREN);
  await jobs.run(job, 'rename', (ctx) => ctx.db('main').update('parent', { id: 1 }, { code: 'first' }));
  assert.deepEqual(await jobs.rows('SELECT parent FROM child'), [{ parent: 'first' }]);
  assert.equal((await job.verify()).kind, 'verified');
  assert.deepEqual((await job.undo()).left, []);
  assert.deepEqual(await jobs.rows(CHILDREN), before);
});

check('a cascade over several tables is taken back whole', async (jobs) => {
  const job = await family(jobs, 'integer REFERENCES parent ON DELETE CASCADE');
  await jobs.direct(
    'CREATE TABLE toy (id integer PRIMARY KEY, child integer REFERENCES child ON DELETE CASCADE)',
    'INSERT INTO toy VALUES (70, 7), (71, 7)',
  );
  await jobs.run(job, 'delete', (ctx) => ctx.db('main').delete('parent', { id: 1 }));
  assert.deepEqual(await jobs.rows('SELECT * FROM toy'), []);
  assert.deepEqual((await job.undo()).left, []);
  assert.equal((await jobs.rows('SELECT * FROM toy')).length, 2);
});

check('a cascade takes along what an earlier step wrote, and nobody is asked about it', async (jobs) => {
  const job = await family(jobs, 'integer REFERENCES parent ON DELETE CASCADE');
  await jobs.run(job, 'child', (ctx) => ctx.db('main').insert('child', { id: 8, text: 'eight', parent: 1 }));
  await jobs.run(job, 'delete', (ctx) => ctx.db('main').delete('parent', { id: 1 }));
  assert.equal((await job.verify()).kind, 'verified');
  assert.deepEqual((await job.undo()).left, []);
  assert.deepEqual(await jobs.rows('SELECT id FROM child'), [{ id: 7 }]);
});

check('what a cascade took along is recorded once, also when the step is killed beside its COMMIT', async (jobs) => {
  for (const point of ['commit.database-before', 'commit.database-after', 'record.before'] as const) {
    const job = await family(jobs, 'integer REFERENCES parent ON DELETE CASCADE');
    const before = await jobs.rows(CHILDREN);
    dieAt(point);
    await assert.rejects(jobs.run(job, 'delete', (ctx) => ctx.db('main').delete('parent', { id: 1 })));
    const successor = jobs.open({ resume: job.memory, workerId: `after ${point}` });
    await jobs.run(successor, 'delete', () => assert.fail('the code does not run again'));
    assert.equal((await successor.verify()).kind, 'verified', point);
    assert.deepEqual((await successor.undo()).left, [], point);
    assert.deepEqual(await jobs.rows(CHILDREN), before, point);
    await jobs.direct('DROP TABLE child', 'DROP TABLE parent');
  }
});

check('a trigger changes what an earlier step wrote: nobody is asked, and all of it is undone', async (jobs) => {
  const job = jobs.open();
  await jobs.direct(NOTE, TOTALS);
  await jobs.trigger('AFTER INSERT', 'note', COUNTING);
  await jobs.run(job, 'total', (ctx) => ctx.db('main').insert('totals', { id: 1, n: 0 }));
  await jobs.run(job, 'notes', (ctx) =>
    ctx.db('main').insert(
      'note',
      [1, 2, 3].map((id) => ({ id, text: `${id}` })),
    ),
  );
  assert.deepEqual(await jobs.rows('SELECT n FROM totals'), [{ n: 3 }]);
  assert.equal((await job.verify()).kind, 'verified');
  assert.deepEqual((await job.undo()).left, []);
  assert.deepEqual(await jobs.rows('SELECT * FROM totals'), []);
});

/** A counter of the notes, which the first step of the job has set to 10 and the second has moved to 11. */
async function counted(jobs: DatabaseJobs): Promise<TestJob> {
  const job = jobs.open();
  await jobs.direct(NOTE, TOTALS);
  await jobs.trigger('AFTER INSERT', 'note', COUNTING);
  await jobs.trigger('AFTER DELETE', 'note', {
    sqlite: 'UPDATE totals SET n = n - 1 WHERE id = 1;',
    postgres: 'UPDATE totals SET n = n - 1 WHERE id = 1; RETURN OLD;',
  });
  await jobs.direct('INSERT INTO totals VALUES (1, 5)');
  await jobs.run(job, 'total', (ctx) => ctx.db('main').update('totals', { id: 1 }, { n: 10 }));
  await jobs.run(job, 'notes', addNote);
  assert.deepEqual(await jobs.rows('SELECT n FROM totals'), [{ n: 11 }]);
  return job;
}

const addNote = (ctx: StepContext): Promise<void> => ctx.db('main').insert('note', { id: 1, text: 'one' });

check('a counter that triggers keep both ways is as before after the undoing', async (jobs) => {
  const job = await counted(jobs);
  assert.deepEqual((await job.undo()).left, []);
  assert.deepEqual(await jobs.rows('SELECT n FROM totals'), [{ n: 5 }]);
});

check('a counter that triggers keep both ways counts once what is undone and made again', async (jobs) => {
  const job = await counted(jobs);
  await jobs.direct("UPDATE note SET text = 'edited'");
  await decide(job, await comparedQuestion(job), { answer: 'rerun' });
  assert.deepEqual(await jobs.rows('SELECT n FROM totals'), [{ n: 10 }]);
  await jobs.run(job, 'notes', addNote, { generation: 1 });
  assert.deepEqual(await jobs.rows('SELECT n FROM totals'), [{ n: 11 }]);
  assert.equal((await job.verify()).kind, 'verified');
});

check('what a trigger changed and the record does not have is named by the undoing', async (jobs) => {
  const job = jobs.open();
  await jobs.direct(NOTE, TOTALS, 'INSERT INTO totals VALUES (1, 5)');
  await jobs.trigger('AFTER INSERT', 'note', COUNTING);
  await jobs.run(job, 'notes', (ctx) => ctx.db('main').insert('note', { id: 1, text: 'one' }));
  const { left } = await job.undo();
  assert.equal(left.length, 1, JSON.stringify(left));
  assert.match(left[0]!.what, /^row:main\/totals\/\{"id":1\}$/);
  assert.match(left[0]!.why, /trigger note_after_insert of note/);
});

check('a trigger that changes nothing but the row itself is not named', async (jobs) => {
  const job = jobs.open();
  await jobs.direct(NOTE);
  await jobs.trigger('AFTER INSERT', 'note', {
    sqlite: `UPDATE note SET text = upper(text) WHERE id = NEW.id;`,
    postgres: `UPDATE note SET text = upper(text) WHERE id = NEW.id; RETURN NEW;`,
  });
  await jobs.run(job, 'note', (ctx) => ctx.db('main').insert('note', { id: 1, text: 'one' }));
  assert.deepEqual(await jobs.rows('SELECT text FROM note'), [{ text: 'ONE' }]);
  assert.equal((await job.verify()).kind, 'verified');
  assert.deepEqual((await job.undo()).left, []);
});

check('a statement that takes rows of another table along is named by the undoing', async (jobs) => {
  const job = await family(jobs, 'integer REFERENCES parent ON DELETE CASCADE');
  const undo = { text: "INSERT INTO parent VALUES (1, 'one')" };
  await jobs.run(job, 'sql', (ctx) =>
    ctx.db('main').sql('DELETE FROM parent WHERE id = 1', [], { writes: ['parent'], undo }),
  );
  const { left } = await job.undo();
  assert.equal(left.length, 1, JSON.stringify(left));
  assert.match(left[0]!.what, /1 deleted rows? of child/);
});

async function assertStuck(jobs: DatabaseJobs, job: TestJob, said: RegExp, code: Parameters<DatabaseJobs['run']>[2]) {
  const question = await questionFrom(jobs.run(job, 'change', code));
  assert.deepEqual(
    question.findings.map(({ kind }) => kind),
    ['step-cannot-go-on'],
  );
  assert.match(question.findings[0]!.difference, said);
}

check('a trigger that ignores an insert stops the step', async (jobs) => {
  const job = jobs.open();
  await jobs.direct(NOTE);
  await jobs.trigger('BEFORE INSERT', 'note', { sqlite: 'SELECT RAISE(IGNORE);', postgres: 'RETURN NULL;' });
  await assertStuck(jobs, job, /there is none by this key afterwards.*trigger note_before_insert/s, (ctx) =>
    ctx.db('main').insert('note', { id: 1, text: 'one' }),
  );
});

check('a trigger that ignores a change of a row stops the step, whether updated or upserted', async (jobs) => {
  const job = jobs.open();
  await jobs.direct(NOTE, `INSERT INTO note VALUES (1, 'one')`);
  await jobs.trigger('BEFORE UPDATE', 'note', { sqlite: 'SELECT RAISE(IGNORE);', postgres: 'RETURN NULL;' });
  await assertStuck(jobs, job, /changed nothing/, (ctx) => ctx.db('main').update('note', { id: 1 }, { text: 'two' }));
  const again = jobs.open({ workspace: `${jobs.workspace}`, resume: job.memory });
  await assert.rejects(
    jobs.run(again, 'upsert', (ctx) => ctx.db('main').upsert('note', { id: 1, text: 'two' })),
    /step-cannot-go-on/,
  );
  assert.deepEqual(await jobs.rows('SELECT text FROM note'), [{ text: 'one' }]);
});

check('a trigger that keeps a row which was to be deleted stops the step', async (jobs) => {
  const job = jobs.open();
  await jobs.direct(NOTE, `INSERT INTO note VALUES (1, 'one')`);
  await jobs.trigger('BEFORE DELETE', 'note', { sqlite: 'SELECT RAISE(IGNORE);', postgres: 'RETURN NULL;' });
  await assertStuck(jobs, job, /still there/, (ctx) => ctx.db('main').delete('note', { id: 1 }));
});

check('a trigger that removes the new row, or gives it another key, stops the step', async (jobs) => {
  const job = jobs.open();
  await jobs.direct(NOTE);
  await jobs.trigger('AFTER INSERT', 'note', {
    sqlite: 'UPDATE note SET id = NEW.id + 1000 WHERE id = NEW.id;',
    postgres: 'UPDATE note SET id = NEW.id + 1000 WHERE id = NEW.id; RETURN NEW;',
  });
  await assertStuck(jobs, job, /none by this key/, (ctx) => ctx.db('main').insert('note', { id: 1, text: 'one' }));
  assert.deepEqual(await jobs.rows('SELECT * FROM note'), [], 'nothing of it is applied');
});

check(
  'a rule that does something instead stops the step',
  async (jobs) => {
    const job = jobs.open();
    await jobs.direct(NOTE, 'CREATE RULE nothing AS ON INSERT TO note DO INSTEAD NOTHING');
    await assertStuck(jobs, job, /rule nothing/, (ctx) => ctx.db('main').insert('note', { id: 1, text: 'one' }));
  },
  'PostgreSQL',
);

check(
  'an approval shows what goes along by itself, and another child that appears meanwhile asks anew',
  async (jobs) => {
    const job = await family(jobs, 'integer REFERENCES parent ON DELETE CASCADE');
    const remove = (): Promise<unknown> =>
      jobs.run(job, 'delete', (ctx) => ctx.db('main').delete('parent', { id: 1 }), { approval: 'before-apply' });
    const first = await questionFrom(remove());
    assert.match(first.findings[0]!.difference, /row:main\/child\/\{"id":7\}: by ON DELETE CASCADE of its reference/);
    await jobs.direct(`INSERT INTO child VALUES (9, 'nine', 1)`);
    await decide(job, first, { answer: 'approve' });
    const second = await questionFrom(remove());
    assert.match(second.findings[0]!.difference, /row:main\/child\/\{"id":9\}/);
    assert.equal((await jobs.rows(CHILDREN)).length, 2, 'nothing is deleted yet');
    await decide(job, second, { answer: 'approve' });
    await remove();
    assert.deepEqual(await jobs.rows(CHILDREN), []);
  },
);

check('an approval names the triggers that may change other rows', async (jobs) => {
  const job = jobs.open();
  await jobs.direct(NOTE, TOTALS);
  await jobs.trigger('AFTER INSERT', 'note', COUNTING);
  const insert = jobs.run(job, 'note', (ctx) => ctx.db('main').insert('note', { id: 1, text: 'one' }), {
    approval: 'before-apply',
  });
  const question = await questionFrom(insert);
  assert.match(question.findings[0]!.difference, /trigger note_after_insert of note: may change other rows/);
});
