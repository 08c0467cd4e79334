/** One row has one name, however steps spell its key: as the database has it. */
import assert from 'node:assert/strict';
import type { Json, JsonObject } from '../../src/model/canonical-json.ts';
import { chainOf } from '../support/ledger.ts';
import { databaseTests, testPostgres, type DatabaseJobs } from '../support/database-jobs.ts';
import { questionFrom } from '../support/questions.ts';

const check = databaseTests(await testPostgres());

interface Spellings {
  readonly type: string;
  readonly given: readonly [first: Json, second: Json];
  readonly stored: Json;
  readonly only?: 'SQLite' | 'PostgreSQL';
}

const SPELLINGS: readonly Spellings[] = [
  { type: 'integer', given: ['1', 1], stored: 1 },
  { type: 'text', given: [1, '1'], stored: '1' },
  { type: 'numeric(6,2)', given: [1.5, '1.50'], stored: { $numeric: '1.50' }, only: 'PostgreSQL' },
  { type: 'uuid', given: [UPPER(), UPPER().toLowerCase()], stored: UPPER().toLowerCase(), only: 'PostgreSQL' },
  { type: 'char(3)', given: ['a', 'a  '], stored: 'a  ', only: 'PostgreSQL' },
  { type: 'date', given: ['2026-1-2', '2026-01-02'], stored: '2026-01-02', only: 'PostgreSQL' },
  { type: 'TEXT COLLATE NOCASE', given: ['Ada', 'ADA'], stored: 'Ada', only: 'SQLite' },
];

function UPPER(): string {
  return 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11';
}

function rowsIn(jobs: DatabaseJobs, jobId: string): readonly JsonObject[] {
  return chainOf(jobs.workspace, jobId).flatMap((record) =>
    record.kind === 'step' ? record.effects.flatMap(({ effect }) => ('table' in effect ? [effect.key] : [])) : [],
  );
}

for (const { type, given, stored, only } of SPELLINGS)
  check(
    `two steps that spell a key of ${type} differently write one row`,
    async (jobs) => {
      const job = jobs.open();
      await jobs.direct(`CREATE TABLE item (id ${type} PRIMARY KEY, n integer)`);
      await jobs.run(job, 'first', (ctx) => ctx.db('main').upsert('item', { id: given[0], n: 1 }));
      await jobs.run(job, 'second', (ctx) => ctx.db('main').upsert('item', { id: given[1], n: 2 }));
      assert.deepEqual(rowsIn(jobs, job.jobId), [{ id: stored }, { id: stored }]);
      assert.equal((await job.verify()).kind, 'verified');
      assert.deepEqual((await job.undo()).left, []);
      assert.deepEqual(await jobs.rows('SELECT * FROM item'), []);
    },
    only,
  );

check('a step that spells one key in two ways is refused', async (jobs) => {
  const job = jobs.open();
  await jobs.direct('CREATE TABLE item (id integer PRIMARY KEY, n integer)');
  const question = await questionFrom(
    jobs.run(job, 'both', async (ctx) => {
      await ctx.db('main').upsert('item', { id: 1, n: 1 });
      await ctx.db('main').upsert('item', { id: '1', n: 2 });
    }),
  );
  assert.match(question.findings[0]!.difference, /two spellings of its key: \{"id":1\} and \{"id":"1"\}/);
});

check('parallel steps that spell a key differently are seen to collide', async (jobs) => {
  const job = jobs.open();
  await jobs.direct('CREATE TABLE item (id integer PRIMARY KEY, n integer)');
  await jobs.run(job, 'a', (ctx) => ctx.db('main').upsert('item', { id: '1', n: 1 }), { parallelWith: ['b'] });
  const question = await questionFrom(
    jobs.run(job, 'b', (ctx) => ctx.db('main').upsert('item', { id: 1, n: 2 }), { parallelWith: ['a'] }),
  );
  assert.match(question.findings[0]!.difference, /Steps b and a run in parallel and both write row:main\/item/);
});
