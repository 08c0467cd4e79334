/**
 * A step that was half applied when an input of it changed is undone and run again with the rest, never rolled forward
 * with what it had read.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import * as z from 'zod';
import { dbQueryStep, dbSqlStep } from '../../src/model/step/built-in/database.ts';
import { fileCopyStep } from '../../src/model/step/built-in/file.ts';
import { setFaultHook, type FaultPoint } from '../../src/store/fault-point.ts';
import { defineStep, implementStep, openTestJob, type TestJob } from '../../src/testing.ts';
import { sha256Hex } from '../../src/model/digest.ts';
import { decisionsOf } from '../support/ledger.ts';
import { dieAt } from '../support/fault-hook.ts';
import { questionFrom } from '../support/questions.ts';

const chart = defineStep({ name: 'chart', input: z.strictObject({}), output: z.strictObject({ text: z.string() }) });
const chartCode = implementStep(chart, async (ctx) => {
  const text = (await ctx.files.readText('copy.txt')).trim();
  await ctx.files.write('chart.txt', `chart of ${text}\n`);
  await ctx.db('main').insert('figure', { id: ctx.generation, text });
  return { text };
});

afterEach(() => setFaultHook(undefined));

for (const point of [
  'applying.after',
  'commit.database-after',
  'commit.file-renamed',
  'record.before',
] satisfies FaultPoint[]) {
  test(`a rerun undoes a reader that was half applied (killed at ${point})`, async () => {
    const job: TestJob = openTestJob({ steps: [chartCode], databases: { main: 'sqlite:main.db' } });
    const { workspace } = job;
    try {
      writeFileSync(join(workspace, 'input.txt'), 'first\n');
      await job.step(
        dbSqlStep,
        { database: 'main', sql: 'CREATE TABLE figure (id INTEGER PRIMARY KEY, text TEXT)', writes: ['figure'] },
        { stepId: 'table', uses: [] },
      );
      await job.step(fileCopyStep, { from: 'input.txt', to: 'copy.txt' }, { stepId: 'copy', uses: [] });
      dieAt(point);
      await assert.rejects(job.step(chart, {}, { stepId: 'chart', uses: ['copy'] }));
      writeFileSync(join(workspace, 'input.txt'), 'second\n');
      const successor = openTestJob({
        steps: [chartCode],
        databases: { main: 'sqlite:main.db' },
        workspace,
        resume: job.memory,
        workerId: 'its successor',
      });
      const question = await questionFrom(successor.step(chart, {}, { stepId: 'chart', uses: ['copy'] }));
      const [finding] = question.findings;
      assert.equal(finding?.resource, 'file:input.txt');
      assert.deepEqual(finding.rerunSteps, ['copy', 'chart']);
      assert.equal((await successor.decide(question, { answer: 'rerun' })).kind, 'repaired');
      await successor.step(fileCopyStep, { from: 'input.txt', to: 'copy.txt' }, { stepId: 'copy', uses: [] });
      assert.deepEqual(await successor.step(chart, {}, { stepId: 'chart', uses: ['copy'] }), { text: 'second' });
      assert.equal(readFileSync(join(workspace, 'chart.txt'), 'utf8'), 'chart of second\n');
      const { rows } = await successor.step(
        dbQueryStep,
        { database: 'main', sql: 'SELECT id, text FROM figure' },
        { stepId: 'rows' },
      );
      assert.deepEqual(rows, [{ id: 1, text: 'second' }], 'the row of the old generation is undone');
      assert.equal((await successor.verify()).kind, 'verified');
      await successor.close();
    } finally {
      await job.close();
    }
  });
}

const pair = defineStep({ name: 'pair', input: z.strictObject({}), output: z.strictObject({}) });
const pairCode = implementStep(pair, async (ctx) => {
  const text = (await ctx.files.readText('copy.txt')).trim();
  await ctx.files.write('x.txt', `x of ${text}\n`);
  await ctx.files.write('y.txt', `y of ${text}\n`);
  return {};
});

test('a rerun that is killed twice keeps of each file what it replaced there, never what another held', async () => {
  const job: TestJob = openTestJob({ steps: [pairCode] });
  const { workspace } = job;
  const at = (name: string): string => join(workspace, name);
  try {
    for (const name of ['input.txt', 'x.txt', 'y.txt']) writeFileSync(at(name), `old ${name}\n`);
    await job.step(fileCopyStep, { from: 'input.txt', to: 'copy.txt' }, { stepId: 'copy' });
    let renames = 0;
    setFaultHook((point) => {
      if (point === 'commit.file-renamed' && ++renames === 2) throw new Error('the worker dies here');
    });
    await assert.rejects(job.step(pair, {}, { stepId: 'pair' }));
    setFaultHook(undefined);
    writeFileSync(at('input.txt'), 'new\n');
    const successor = openTestJob({ steps: [pairCode], workspace, resume: job.memory, workerId: 'its successor' });
    const question = await questionFrom(successor.step(pair, {}, { stepId: 'pair' }));
    // The undoing of y is killed before what it had captured is settled; x is still to be undone.
    dieAt('commit.file-renamed');
    await assert.rejects(successor.decide(question, { answer: 'rerun' }));
    assert.equal((await successor.decide(question, { answer: 'rerun' })).kind, 'repaired');
    const [decision] = decisionsOf(workspace, job.jobId);
    assert.equal(decision?.kept['file:x.txt'], sha256Hex(Buffer.from('x of old input.txt\n')));
    assert.deepEqual(readdirSync(at('.holdfast/captured')), [], 'nothing stays captured');
    assert.equal(readFileSync(at('x.txt'), 'utf8') + readFileSync(at('y.txt'), 'utf8'), 'old x.txt\nold y.txt\n');
    await successor.step(fileCopyStep, { from: 'input.txt', to: 'copy.txt' }, { stepId: 'copy' });
    await successor.step(pair, {}, { stepId: 'pair' });
    assert.equal(readFileSync(at('y.txt'), 'utf8'), 'y of new\n');
    await successor.close();
  } finally {
    await job.close();
  }
});
