/**
 * What a database would refuse is found before a decision is sealed: nothing is changed, and the same question stays
 * until the database takes it.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Decision } from '../../src/model/question/decision.ts';
import type { Question } from '../../src/model/question/question.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import type { TestJob } from '../../src/testing.ts';
import { databaseTests, testPostgres, type DatabaseJobs, type TestDialect } from '../support/database-jobs.ts';
import { readLedger } from '../support/ledger.ts';
import { comparedQuestion, decide } from '../support/questions.ts';

const check = databaseTests(await testPostgres());
const INPUT = 'input.txt';
const ROW = 'row:main/account/{"id":1}';
const ALL = 'SELECT * FROM account ORDER BY id';
const OURS = "INSERT INTO place VALUES ('ours')";
const UNUSED = 'DELETE FROM place WHERE name NOT IN (SELECT at FROM account)';
const LARGE = 'ALTER TABLE account ADD CONSTRAINT large CHECK (n > 100) NOT VALID';
const ANY = 'ALTER TABLE account DROP CONSTRAINT large';
const renamed = (from: string, to: string): string => `ALTER TYPE mood RENAME VALUE '${from}' TO '${to}'`;
const PLACES = 'CREATE TABLE place (name text PRIMARY KEY)';

/** What a database comes to refuse after a step has written a row, and after the question. */
interface Refusal {
  readonly what: string;
  /** Makes the table `account`, with its row 1 before the step. */
  readonly tables: readonly string[];
  /** What the row has before the step, and what the step makes of it. */
  readonly before: Readonly<Record<string, string | number>>;
  readonly values: Readonly<Record<string, string | number>>;
  /** Somebody's edit of the row. */
  readonly edit: string;
  /** From here on neither what the step had made nor what was before can be put there. */
  readonly forbid: Readonly<Record<'restore' | 'rerun', string>>;
  readonly allow: Readonly<Record<'restore' | 'rerun', readonly string[]>>;
  readonly reason: RegExp;
  readonly only?: TestDialect;
}

const REFUSALS: readonly Refusal[] = [
  {
    what: 'a CHECK',
    tables: ['CREATE TABLE account (id integer PRIMARY KEY, n integer)', 'INSERT INTO account VALUES (1, 5)'],
    before: { n: 5 },
    values: { n: 10 },
    edit: 'UPDATE account SET n = 200',
    forbid: { restore: LARGE, rerun: LARGE },
    allow: { restore: [ANY], rerun: [ANY] },
    reason: /violates check constraint "large"/,
    only: 'PostgreSQL',
  },
  ...['', ' DEFERRABLE INITIALLY DEFERRED'].map((when): Refusal => ({
    what: `a foreign key${when.toLowerCase()}`,
    tables: [
      PLACES,
      "INSERT INTO place VALUES ('old'), ('ours'), ('theirs')",
      `CREATE TABLE account (id integer PRIMARY KEY, at text REFERENCES place${when})`,
      "INSERT INTO account VALUES (1, 'old')",
    ],
    before: { at: 'old' },
    values: { at: 'ours' },
    edit: "UPDATE account SET at = 'theirs'",
    forbid: { restore: UNUSED, rerun: UNUSED },
    allow: { restore: [OURS], rerun: ["INSERT INTO place VALUES ('old')"] },
    reason: /foreign key/i,
  })),
  {
    what: 'a value of an enumeration that was renamed',
    tables: [
      "CREATE TYPE mood AS ENUM ('calm', 'glad', 'sad')",
      'CREATE TABLE account (id integer PRIMARY KEY, mood mood)',
      "INSERT INTO account VALUES (1, 'calm')",
    ],
    before: { mood: 'calm' },
    values: { mood: 'glad' },
    edit: "UPDATE account SET mood = 'sad'",
    forbid: { restore: renamed('glad', 'merry'), rerun: renamed('calm', 'merry') },
    allow: { restore: [renamed('merry', 'glad')], rerun: [renamed('merry', 'calm')] },
    reason: /invalid input value for enum mood/,
    only: 'PostgreSQL',
  },
];

async function refused(job: TestJob, question: Question, decision: Partial<Decision>): Promise<string> {
  const records = (): number => readLedger(job.workspace, (ledger) => ledger.job(job.jobId)!.at.seq);
  const before = records();
  const result = await job.decide(question, decision);
  assert.ok(result.kind === 'refused', JSON.stringify(result));
  assert.equal(records(), before, 'a refusal records nothing');
  assert.deepEqual(
    readLedger(job.workspace, (ledger) => [
      ledger.repairs.sealed(job.jobId),
      ledger.openQuestions(job.jobId).map(({ digest }) => digest),
    ]),
    [[], [question.digest]],
    'nothing is sealed, and the same question stays',
  );
  return result.problems.join('\n');
}

async function written(jobs: DatabaseJobs, code: (ctx: StepContext) => Promise<void>): Promise<TestJob> {
  const job = jobs.open();
  jobs.put(INPUT, 'first\n');
  await jobs.run(job, 'write', async (ctx) => {
    await ctx.files.readText(INPUT);
    await ctx.files.write('written.txt', 'by the step\n');
    await code(ctx);
  });
  return job;
}

for (const { what, tables, before, values, edit, forbid, allow, reason, only } of REFUSALS) {
  for (const answer of ['restore', 'rerun'] as const)
    check(
      `${answer} that meets ${what} is refused, changes nothing, and is carried out once it can be`,
      async (jobs) => {
        await jobs.direct(...tables);
        const job = await written(jobs, (ctx) => ctx.db('main').update('account', { id: 1 }, values));
        if (answer === 'restore') await jobs.direct(edit);
        else jobs.put(INPUT, 'second\n');
        const question = await comparedQuestion(job);
        await jobs.direct(forbid[answer]);
        const found = await jobs.rows(ALL);
        const problem = await refused(job, question, { answer });
        assert.ok(problem.startsWith(`${ROW} cannot be put back: Database main: `), problem);
        assert.match(problem, reason);
        assert.deepEqual(await jobs.rows(ALL), found);
        assert.equal(readFileSync(join(job.workspace, 'written.txt'), 'utf8'), 'by the step\n');
        await jobs.direct(...allow[answer]);
        await decide(job, question, { answer });
        assert.deepEqual(await jobs.rows(ALL), [{ id: 1, ...(answer === 'restore' ? values : before) }]);
      },
      only,
    );
}

check('a statement whose undo is refused is run a second time only where it is named', async (jobs) => {
  await jobs.direct(
    'CREATE TABLE account (id integer PRIMARY KEY, n integer)',
    'INSERT INTO account VALUES (1, 5)',
    'CREATE TABLE factor (n integer)',
    'INSERT INTO factor VALUES (2)',
  );
  const undo = { text: 'UPDATE account SET n = n / (SELECT n FROM factor)' };
  const job = await written(jobs, (ctx) =>
    ctx.db('main').sql('UPDATE account SET n = n * 2', [], { writes: ['account'], undo }),
  );
  jobs.put(INPUT, 'second\n');
  const question = await comparedQuestion(job);
  await jobs.direct('DROP TABLE factor');
  const problem = await refused(job, question, { answer: 'rerun' });
  assert.match(problem, /^what a statement of step write did cannot be put back: Database main: .*factor/);
  assert.match(problem, /name it: --item 'statements:write=repeat', in a Signal/);
  assert.deepEqual(await jobs.rows(ALL), [{ id: 1, n: 10 }]);
  const items = { 'statements:write': 'repeat' } as const;
  const notes = await decide(job, question, { answer: 'rerun', items });
  assert.ok(
    notes.some((note) => /^database main: unchanged \(.*factor/.test(note)),
    notes.join('\n'),
  );
});
