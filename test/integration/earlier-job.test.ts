/** A job that stumbles over what an earlier job did in the same workspace learns of that job. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import * as z from 'zod';
import { dbSqlStep } from '../../src/model/step/built-in/database.ts';
import { defineStep, implementStep, openTestJob, type TestJob } from '../../src/testing.ts';
import { testPostgres } from '../support/postgres.ts';
import { questionFrom } from '../support/questions.ts';

const add = defineStep({ name: 'add', input: z.strictObject({}), output: z.strictObject({}) });
const addCode = implementStep(add, async (ctx) => {
  await ctx.db('main').insert('item', { id: 7 });
  return {};
});
const TABLE = { database: 'main', sql: 'CREATE TABLE item (id INTEGER PRIMARY KEY)', writes: ['item'] };

const postgres = await testPostgres();
let workspace: string;
let jobs: TestJob[];

beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), 'holdfast-earlier-'));
  jobs = [];
});

afterEach(async () => {
  for (const job of jobs) await job.close();
  rmSync(workspace, { recursive: true, force: true });
});

for (const dialect of ['SQLite', 'PostgreSQL'])
  test(`${dialect}: a key that an earlier job’s step has taken is asked about with that job`, async () => {
    const databases = { main: dialect === 'SQLite' ? 'sqlite:main.db' : await postgres.database() };
    const open = (): TestJob => {
      const job = openTestJob({ workspace, steps: [addCode], databases });
      jobs.push(job);
      return job;
    };
    const first = open();
    await first.step(dbSqlStep, TABLE, { stepId: 'table' });
    await first.step(add, {}, { stepId: 'insert' });
    await first.release();

    const second = open();
    const question = await questionFrom(second.step(add, {}, { stepId: 'insert' }));
    assert.equal(question.kind, 'stuck');
    const advice = question.findings[0]!.advice ?? '';
    assert.ok(advice.includes(`Job ${first.jobId.split('@')[0]!} did a step insert in this workspace before`), advice);
    assert.match(advice, /\(record \d+, .*: 1 row\)/);
  });
