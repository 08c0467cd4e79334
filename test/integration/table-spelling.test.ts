/**
 * Parallel steps that meet a table for the first time, each under its own spelling: it is one resource all the same.
 */
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import * as z from 'zod';
import { dbSqlStep } from '../../src/model/step/built-in/database.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { defineStep, implementStep, openTestJob, QuestionAsked, type TestJob } from '../../src/testing.ts';
import { readLedger } from '../support/ledger.ts';
import { testPostgres } from '../support/postgres.ts';

const postgres = await testPostgres();
const CREATE = 'CREATE TABLE orders (id integer PRIMARY KEY, text text)';
const act = defineStep({ name: 'act', input: z.strictObject({ as: z.string() }), output: z.strictObject({}) });

interface Subject {
  readonly dialect: string;
  readonly spellings: readonly [string, string];
  readonly open: (code: (ctx: StepContext, as: string) => Promise<void>) => Promise<TestJob>;
}

const SUBJECTS: readonly Subject[] = [
  {
    dialect: 'SQLite',
    spellings: ['Orders', 'main.orders'],
    open: async (code) => {
      const job = openTestJob({ databases: { main: 'sqlite:main.db' }, steps: [stepOf(code)] });
      const database = new DatabaseSync(join(job.workspace, 'main.db'));
      database.exec(CREATE);
      database.close();
      return await Promise.resolve(job);
    },
  },
  {
    dialect: 'PostgreSQL',
    spellings: ['orders', 'public.orders'],
    open: async (code) => {
      const url = await postgres.database();
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query(CREATE);
      await client.end();
      return openTestJob({ databases: { main: '${{ env.MAIN_URL }}' }, env: { MAIN_URL: url }, steps: [stepOf(code)] });
    },
  },
];

function stepOf(code: (ctx: StepContext, as: string) => Promise<void>): never {
  return implementStep(act, async (ctx, { as }) => {
    await code(ctx, as);
    return {};
  }) as never;
}

/** Lets nobody on before all have come. */
function meeting(size: number): () => Promise<void> {
  let come = 0;
  let open = (): void => undefined;
  const all = new Promise<void>((resolve) => (open = resolve));
  return async () => {
    come += 1;
    if (come >= size) open();
    await all;
  };
}

function recorded({ workspace, jobId }: TestJob): readonly string[] {
  return readLedger(workspace, (ledger) =>
    [...ledger.manifest(jobId).keys()].filter((resource) => /^(row|schema):/.test(resource)),
  );
}

async function inParallel(
  job: TestJob,
  spellings: readonly [string, string],
): Promise<readonly PromiseSettledResult<unknown>[]> {
  await job.verify();
  return await Promise.allSettled([
    job.step(act, { as: spellings[0] }, { stepId: 'a', parallelWith: ['b'] }),
    job.step(act, { as: spellings[1] }, { stepId: 'b', parallelWith: ['a'] }),
  ]);
}

for (const { dialect, spellings, open } of SUBJECTS) {
  test(`${dialect}: two parallel steps that write one new table under two spellings record one table`, async () => {
    const met = meeting(2);
    const job = await open(async (ctx, as) => {
      await ctx.db('main').insert(as, { id: spellings.indexOf(as), text: as });
      await met();
    });
    try {
      assert.deepEqual(
        (await inParallel(job, spellings)).map(({ status }) => status),
        ['fulfilled', 'fulfilled'],
      );
      const resources = recorded(job);
      assert.equal(resources.filter((resource) => resource.startsWith('schema:')).length, 1, resources.join());
      assert.equal(new Set(resources.map((resource) => resource.split('/')[1])).size, 1, resources.join());
      // Under two names the second would still be as it was before.
      await job.step(dbSqlStep, {
        database: 'main',
        sql: 'ALTER TABLE orders ADD COLUMN size integer',
        writes: ['orders'],
      });
      const result = await job.verify();
      assert.equal(result.kind, 'verified', JSON.stringify(result));
    } finally {
      await job.close();
    }
  });

  test(`${dialect}: two parallel steps that write one row under two spellings of its table are an error`, async () => {
    const met = meeting(2);
    const job = await open(async (ctx, as) => {
      await ctx.db('main').upsert(as, { id: 1, text: as });
      await met();
    });
    try {
      const outcomes = await inParallel(job, spellings);
      const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
      assert.equal(refused.length, 1, JSON.stringify(outcomes));
      const { reason } = refused[0] as { readonly reason: unknown };
      assert.ok(reason instanceof QuestionAsked, String(reason));
      assert.match(
        reason.question.findings[0]!.found.text,
        /same-target-twice: Steps . and . run in parallel and both write row:main/,
      );
    } finally {
      await job.close();
    }
  });

  test(`${dialect}: two steps that read and write one new table under two spellings record one table`, async () => {
    const met = meeting(2);
    const job = await open(async (ctx, as) => {
      if (as === spellings[0]) await ctx.db('main').insert(as, { id: 1, text: as });
      else await ctx.db('main').query(`SELECT 1 FROM ${as} WHERE id = 2`);
      await met();
    });
    try {
      assert.deepEqual(
        (await inParallel(job, spellings)).map(({ status }) => status),
        ['fulfilled', 'fulfilled'],
      );
      const resources = recorded(job);
      assert.equal(resources.filter((resource) => resource.startsWith('schema:')).length, 1, resources.join());
      await job.step(dbSqlStep, {
        database: 'main',
        sql: 'ALTER TABLE orders ADD COLUMN size integer',
        writes: ['orders'],
      });
      assert.equal((await job.verify()).kind, 'verified');
    } finally {
      await job.close();
    }
  });
}
