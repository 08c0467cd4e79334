/** Files that a job had only read come along into its fork as they were, or are named. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as z from 'zod';
import { withStoredJob } from '../../src/fork/stored-source.ts';
import { makeFork } from '../../src/fork/make-fork.ts';
import { noteOf } from '../../src/model/checkpoint/note.ts';
import { isFailure } from '../../src/model/failure.ts';
import { defineStep, implementStep, openTestJob, type TestJob } from '../../src/testing.ts';
import { memoryOfFork } from '../support/forked-job.ts';
import { sealAll } from '../support/stored-job.ts';
import { checkpointsOf } from '../support/rewound-job.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast-fork-reads-'));
after(() => rmSync(root, { recursive: true, force: true }));

const read = defineStep({
  name: 'read',
  input: z.object({ path: z.string() }),
  output: z.object({ text: z.string() }),
});
const steps = [
  implementStep(read, async (ctx, { path }) => {
    const text = await ctx.files.readText(path);
    await ctx.files.write(`${path}.copy`, text.toUpperCase());
    return { text };
  }),
];
const input = noteOf({ parent: null, source: 'input', step: -1, tasks: [], next: ['one'], begins: {}, writes: [] });
const loop = noteOf({ parent: input.digest, source: 'loop', step: 0, tasks: [], next: ['two'], writes: [] });

/** `first.txt` is read before the checkpoint, `second.txt` after it. */
async function withJob(act: (job: TestJob, at: number) => Promise<void>): Promise<void> {
  const workspace = mkdtempSync(join(root, 'job-'));
  for (const name of ['first', 'second']) writeFileSync(join(workspace, `${name}.txt`), `${name} as given`);
  await using job = openTestJob({ workspace, steps });
  await job.step(read, { path: 'first.txt' }, { stepId: 'one', checkpoints: [input] });
  await job.step(read, { path: 'second.txt' }, { stepId: 'two', checkpoints: [loop] });
  await act(job, checkpointsOf(job)[1]!);
}

async function fork({ workspace }: TestJob, at: number) {
  return await makeFork(workspace, { at, workspace: `${workspace}-fork`, by: 'test' }, {});
}

test('files that a job had only read are in its fork, which compares them like its own', async () => {
  await withJob(async (job, at) => {
    const made = await fork(job, at);
    const into = `${job.workspace}-fork`;
    assert.deepEqual(
      ['first.txt', 'first.txt.copy', 'second.txt'].map((name) => readFileSync(join(into, name), 'utf8')),
      ['first as given', 'FIRST AS GIVEN', 'second as given'],
    );
    assert.equal(existsSync(join(into, 'second.txt.copy')), false);
    assert.deepEqual(made.files?.unknown, []);
    await using forked = openTestJob({ workspace: into, steps, resume: memoryOfFork(made) });
    assert.equal((await forked.verify()).kind, 'verified');
    writeFileSync(join(into, 'first.txt'), 'edited in the fork');
    const asked = await forked.verify();
    assert.ok(asked.kind === 'question');
    assert.deepEqual(
      asked.question.findings.map(({ resource }) => resource),
      ['file:first.txt'],
    );
    assert.equal(readFileSync(join(job.workspace, 'first.txt'), 'utf8'), 'first as given', 'no inode is shared');
  });
});

for (const [what, change] of [
  ['is another by now', (path: string) => writeFileSync(path, 'edited since')],
  ['is gone', (path: string) => rmSync(path)],
] as const)
  test(`a file that a job had only read and that ${what} is named, and nothing is made`, async () => {
    await withJob(async (job, at) => {
      change(join(job.workspace, 'first.txt'));
      await assert.rejects(fork(job, at), (error: unknown) => {
        assert.ok(isFailure(error, 'not-found'), String(error));
        assert.match(error.message, /these files had at checkpoint \d+: first\.txt\. The job had only read them/);
        assert.deepEqual(error.details['files'], ['first.txt']);
        return true;
      });
      assert.equal(existsSync(`${job.workspace}-fork`), false);
    });
  });

test('from a store what was only read is named, and the fork asks about it', async () => {
  await withJob(async (job, at) => {
    const { jobId, workspace } = job;
    await sealAll(job);
    const from = { store: join(root, 'store'), jobId, base: root };
    const into = `${workspace}-stored`;
    const options = { job: jobId, at, workspace: into, by: 'test' };
    const made = await withStoredJob(from, { options, env: {} }, (folder) =>
      makeFork(folder, options, {}, { leaveLost: true }),
    );
    assert.deepEqual(made.files?.unknown, ['first.txt']);
    assert.equal(readFileSync(join(into, 'first.txt.copy'), 'utf8'), 'FIRST AS GIVEN');
    await using forked = openTestJob({ workspace: into, steps, resume: memoryOfFork(made) });
    const asked = await forked.verify();
    assert.ok(asked.kind === 'question');
    assert.deepEqual(
      asked.question.findings.map(({ resource, kind }) => [resource, kind]),
      [['file:first.txt', 'missing']],
    );
    writeFileSync(join(into, 'first.txt'), 'first as given');
    assert.equal((await forked.verify()).kind, 'verified');
  });
});
