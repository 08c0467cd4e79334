/** The checkpoints of a Workflow of one's own: the same ones however often it starts anew, each in the record once. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { jobCheckpoints, jobState } from '../../src/changes.ts';
import { connectHoldfast } from '../../src/client.ts';
import { implementStep } from '../../src/model/step/step.ts';
import type { CheckpointRecord } from '../../src/model/record/record.ts';
import { cli, type Ran } from '../support/cli-terminal.ts';
import { untilStatus } from '../support/job-status.ts';
import { NOTING } from '../support/noting-jobs.ts';
import { earlierJob, notesAll, notesWrongly, type NotingInput } from '../support/noting-workflow.ts';
import { measureStep } from '../support/own-workflow.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const measure = implementStep(measureStep, async (ctx, { path }) => ({
  length: (await ctx.files.readText(path)).length,
}));
const { taskQueue, root } = servedJobs(temporal, 'own-checkpoints', { ...NOTING, steps: [measure] });

const PATHS = ['a', 'bcd', 'ef', 'g'];

function workspaceWith(paths: readonly string[]): string {
  const name = temporal.unique('notes');
  mkdirSync(join(root, name));
  for (const path of paths) writeFileSync(join(root, name, path), path);
  return name;
}

async function start(more: Partial<NotingInput>): Promise<{ workspace: string; handle: WorkflowHandle }> {
  const workspace = workspaceWith(PATHS);
  const args: [NotingInput] = [{ workspace, paths: PATHS, waitMs: 1, ...more }];
  const workflowId = temporal.unique('notes');
  return { workspace, handle: await temporal.client.workflow.start(notesAll, { workflowId, taskQueue, args }) };
}

async function checkpointsOf(workspace: string): Promise<readonly CheckpointRecord[]> {
  return (await jobCheckpoints(join(root, workspace))).toReversed();
}

/** `0 a0 > bcd`: the number, what ran, what comes next. */
function told({ step, tasks, next }: CheckpointRecord): string {
  const ran = tasks.map(({ id, generation, outcome }) => `${id}${generation}${outcome === 'done' ? '' : outcome}`);
  return [step, ...ran, '>', ...next].join(' ');
}

async function valuesOf(workspace: string, all: readonly CheckpointRecord[]): Promise<readonly unknown[]> {
  return await Promise.all(all.map(async ({ seq }) => (await jobState(join(root, workspace), { at: seq })).values));
}

test('job.checkpoint notes what ran and was written since the last one, and a new Run notes none twice', async () => {
  const expected = ['-1 >', '0 a0 > bcd', '1 bcd0 > ef', '2 ef0 > g', '3 g0 > last'];
  for (const limit of [undefined, 14]) {
    const { workspace, handle } = await start(limit === undefined ? {} : { continueAsNewAfterEvents: limit });
    await temporal.client.workflow.getHandle(handle.workflowId).result();
    const all = await checkpointsOf(workspace);
    assert.deepEqual(all.map(told), expected);
    assert.equal(new Set(all.map(({ runId }) => runId)).size > 1, limit !== undefined);
    assert.deepEqual(
      all.map(({ parent }) => parent),
      [null, ...all.slice(0, -1).map(({ seq }) => seq)],
    );
    assert.deepEqual(await valuesOf(workspace, all), [
      { order: [], longest: '' },
      { order: ['a'], longest: 'a' },
      { order: ['a', 'bcd'], longest: 'bcd' },
      { order: ['a', 'bcd', 'ef'], longest: 'bcd' },
      { order: PATHS, longest: 'bcd' },
    ]);
    assert.equal(all[3]!.writes.at(-1)!.result, 'bcd', 'what a reducer of the Workflow’s own has made');
  }
});

test('with checkpointEvery one is noted once so many steps have ended, before the next, and at the end', async () => {
  const cases: readonly (readonly [every: number, limit: number | undefined, told: readonly string[]])[] = [
    [2, undefined, ['-1 >', '0 a0 bcd0 > ef', '1 ef0 g0 > last', '2 last0 >']],
    [2, 14, ['-1 >', '0 a0 bcd0 > ef', '1 ef0 g0 > last', '2 last0 >']],
    // The two that run at once are one super-step, also where a new Run is given their results.
    [1, 14, ['-1 >', '0 a0 bcd0 > ef', '1 ef0 > g', '2 g0 > last', '3 last0 >']],
  ];
  for (const [every, limit, expected] of cases) {
    const { workspace, handle } = await start({
      every,
      ...(limit === undefined ? {} : { continueAsNewAfterEvents: limit }),
    });
    await temporal.client.workflow.getHandle(handle.workflowId).result();
    const all = await checkpointsOf(workspace);
    assert.deepEqual(all.map(told), expected);
    assert.deepEqual((await valuesOf(workspace, all)).at(-1), { order: PATHS, longest: 'bcd' });
  }
});

test('where a finished step runs again, the checkpoints from there on are others, and those before stay', async () => {
  const { workspace, handle } = await start({ waitMs: 1_500 });
  await untilStatus(handle, (status) => status.steps.filter(({ state }) => state === 'done').length === PATHS.length);
  writeFileSync(join(root, workspace, 'ef'), 'somebody was here');
  const { questions } = await untilStatus(handle, (status) => status.questions.length > 0);
  await handle.signal('decide', { digest: questions[0]!.digest, answer: 'rerun', by: 'ada', reason: 'test' });
  await handle.result();
  const all = await checkpointsOf(workspace);
  // The last one of before has not come to the record: the world was compared first.
  const left = ['-1 >', '0 a0 > bcd', '1 bcd0 > ef', '2 ef0 > g'];
  assert.deepEqual(all.map(told), [...left, '2 ef1 > g', '3 g1 > last']);
  const seqs = all.map(({ seq }) => seq);
  assert.deepEqual(
    all.map(({ parent }) => parent),
    [null, seqs[0], seqs[1], seqs[2], seqs[2], seqs[4]],
  );
  const values = await valuesOf(workspace, all);
  const third = { order: ['a', 'bcd', 'ef'], longest: 'bcd' };
  assert.deepEqual([values[3], values[4]], [third, third]);
  assert.deepEqual(values.at(-1), { order: PATHS, longest: 'bcd' });
});

test('what cannot be noted is refused and changes nothing; a step that failed is in the next checkpoint', async () => {
  const workspace = workspaceWith([]);
  const args: [{ workspace: string }] = [{ workspace }];
  const workflowId = temporal.unique('notes');
  const refused = await temporal.client.workflow.execute(notesWrongly, { workflowId, taskQueue, args });
  const expected = [
    /^bad-input: job\.checkpoint takes \{ next: .*nxet/,
    /^bad-input: job\.checkpoint takes .*next\.0/,
    /^bad-input: Branch "x" calls checkpoint: expected a call of the job/,
    /^bad-input: job\.checkpoint was called while branches run/,
    /^noted$/,
    /^too-large: .*has 1200004 bytes; at most 1048576 travel with the next step/,
  ];
  assert.equal(refused.length, expected.length);
  for (const [index, pattern] of expected.entries()) assert.match(refused[index]!, pattern);
  const all = await checkpointsOf(workspace);
  assert.deepEqual(all.map(told), ['-1 >', '0 measure0failed >']);
  assert.match(all[1]!.tasks[0]!.error!.message, /gone/);
});

test('a job tells its state of now and at its checkpoints, also when it has ended, without its workspace', async () => {
  await using client = await connectHoldfast({ address: temporal.address, namespace: temporal.namespace });
  for (const limit of [undefined, 14]) {
    const { workspace, handle } = await start(limit === undefined ? {} : { continueAsNewAfterEvents: limit });
    const job = handle.workflowId;
    await temporal.client.workflow.getHandle(job).result();
    const all = await checkpointsOf(workspace);
    const now = await client.state(job);
    assert.deepEqual(now.values, { order: PATHS, longest: 'bcd' });
    assert.deepEqual([now.seq, now.next, now.writtenSince], [all.at(-1)!.seq, ['last'], undefined]);
    const { seq, tasks, next, source, step, writes, parent } = all[2]!;
    assert.deepEqual(await client.state(job, { at: seq }), {
      jobId: now.jobId,
      workspace,
      values: { order: ['a', 'bcd'], longest: 'bcd' },
      seq,
      parent,
      tasks,
      next,
      metadata: { source, step, writes },
    });
    const told = await client.checkpoints(job);
    assert.deepEqual(
      told.checkpoints.map((one) => one.seq),
      all.map((one) => one.seq).reverse(),
    );
    await assert.rejects(client.state(job, { at: 4_711 }), (error: unknown) => {
      const { type, message, details } = error as { type: string; message: string; details: { nextStep: string } };
      assert.equal(type, 'not-found');
      assert.match(message, new RegExp(`knows no checkpoint 4711; it knows, newest first, ${now.seq}, `));
      assert.match(details.nextStep, new RegExp(`holdfast state ${workspace} --at 4711`));
      return true;
    });
  }
});

test('state and checkpoints of a job whose workspace is not on this host are asked of its Workflow', async () => {
  const { workspace, handle } = await start({ waitMs: 3_000 });
  await untilStatus(handle, (status) => status.steps.filter(({ state }) => state === 'done').length === PATHS.length);
  const elsewhere = mkdtempSync(join(root, 'elsewhere-'));
  const { address, namespace } = temporal;
  const run = async (...args: readonly string[]): Promise<Ran> =>
    await cli([...args, '--address', address, '--namespace', namespace], { cwd: elsewhere });
  const state = await run('state', handle.workflowId);
  assert.equal(state.code, 0, state.err);
  // The latest checkpoint travels with the next step: the record has no number for it yet.
  assert.match(
    state.out,
    new RegExp(`in ${workspace}: now, after checkpoint -, the end of super-step 3 \\(its Workflow`),
  );
  assert.match(state.out, /ran {6}g\n {2}next {5}last\n/);
  const list = await run('checkpoints', handle.workflowId, '--last', '2', '--json');
  const { checkpoints } = list.json<{ checkpoints: readonly { seq?: number; next: readonly string[] }[] }>();
  assert.deepEqual(
    checkpoints.map(({ next }) => next),
    [['last'], ['g']],
  );
  const at = await run('state', handle.workflowId, '--at', String(checkpoints[1]!.seq), '--json');
  assert.deepEqual(at.json<{ values: object }>().values, { order: ['a', 'bcd', 'ef'], longest: 'bcd' });
  const unknown = await run('state', handle.workflowId, '--at', '4711');
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /On the host of the workspace: holdfast state .* --at 4711/);
  await handle.result();
});

test('of a job on a worker of an earlier version it is said that only the record tells', async () => {
  await using client = await connectHoldfast({ address: temporal.address, namespace: temporal.namespace });
  const workflowId = temporal.unique('notes');
  await temporal.client.workflow.execute(earlierJob, { workflowId, taskQueue });
  await assert.rejects(client.checkpoints(workflowId), {
    message: `Job ${workflowId} runs on a worker of an earlier version, which tells nothing of its checkpoints.`,
  });
});
