import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as z from 'zod';
import { defineStep, implementStep } from '../../src/model/step.ts';
import { fileWriteStep, dbSqlStep } from '../../src/model/built-in-steps.ts';
import { openTestJob, QuestionAsked } from '../../src/testing.ts';

const count = defineStep({ name: 'count', input: z.object({ from: z.string(), to: z.string() }), output: z.object({ bytes: z.number() }) });
const countCode = implementStep(count, async (ctx, { from, to }) => {
  const text = await ctx.files.readText(from);
  await ctx.files.write(to, `${text.length}\n`);
  await ctx.db('main').insert('counts', { name: from, size: text.length });
  return { bytes: text.length };
});

test('a step writes a file and a row once, and its record answers when it is asked again', async () => {
  await using job = openTestJob({ steps: [countCode], databases: { main: 'sqlite:data/main.db' } });
  await job.step(fileWriteStep, { path: 'a.txt', content: 'hello' });
  await job.step(dbSqlStep, { database: 'main', sql: 'CREATE TABLE counts (name TEXT PRIMARY KEY, size INTEGER)', writes: ['counts'] });
  assert.deepEqual(await job.step(count, { from: 'a.txt', to: 'out/count.txt' }, { stepId: 'c' }), { bytes: 5 });
  assert.equal(readFileSync(join(job.workspace, 'out/count.txt'), 'utf8'), '5\n');
  assert.deepEqual(await job.step(count, { from: 'a.txt', to: 'out/count.txt' }, { stepId: 'c' }), { bytes: 5 });
});

test('a person\'s edit between two steps is noticed and never overwritten', async () => {
  await using job = openTestJob({ steps: [countCode], databases: { main: 'sqlite:data/main.db' } });
  await job.step(fileWriteStep, { path: 'a.txt', content: 'hello' });
  writeFileSync(join(job.workspace, 'a.txt'), 'edited');
  const asked = await job.step(fileWriteStep, { path: 'a.txt', content: 'again' }).then(() => undefined, (error: unknown) => error);
  assert.ok(asked instanceof QuestionAsked, String(asked));
  assert.equal(readFileSync(join(job.workspace, 'a.txt'), 'utf8'), 'edited');
  const result = await job.decide(asked.question, { answer: 'restore' });
  assert.equal(result.kind, 'repaired', JSON.stringify(result));
  assert.equal(readFileSync(join(job.workspace, 'a.txt'), 'utf8'), 'hello');
  await job.step(fileWriteStep, { path: 'a.txt', content: 'again' });
  assert.equal(readFileSync(join(job.workspace, 'a.txt'), 'utf8'), 'again');
});
