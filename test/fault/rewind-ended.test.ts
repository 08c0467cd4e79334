/** Jobs that have ended go back to one of their checkpoints: in a new Run of the same Workflow, with their record. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import type { CheckpointRecord } from '../../src/model/record/record.ts';
import { implementStep } from '../../src/model/step/step.ts';
import { cli } from '../support/cli-terminal.ts';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { chainOf } from '../support/ledger.ts';
import { file, notesPlan, NOTING } from '../support/noting-jobs.ts';
import { notesAll } from '../support/noting-workflow.ts';
import { measureStep } from '../support/own-workflow.ts';
import { startWorker } from '../support/running-worker.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const measured: string[] = [];
let fails = true;
const measure = implementStep(measureStep, async (ctx, { path }) => {
  measured.push(path);
  if (path === 'fails' && fails) throw new Error('it fails at first');
  await ctx.files.write(`${path}.length`, String(path.length));
  return { length: path.length };
});
const { taskQueue, root, client, startPlan } = servedJobs(temporal, 'rewind-ended', { ...NOTING, steps: [measure] });
const WHO = { by: 'ada', reason: 'the second one was wrong' };

async function start(workspace: string, queue: string, ...steps: readonly object[]): Promise<WorkflowHandle> {
  return await startPlan(notesPlan(workspace, steps), {}, { taskQueue: queue });
}

const latest = (handle: WorkflowHandle): WorkflowHandle => temporal.client.workflow.getHandle(handle.workflowId);

async function jobIdOf(handle: WorkflowHandle): Promise<string> {
  return (await latest(handle).query<{ readonly jobId: string }>('status')).jobId;
}

async function checkpointsOf(handle: WorkflowHandle, workspace: string): Promise<readonly CheckpointRecord[]> {
  const records = chainOf(join(root, workspace), await jobIdOf(handle));
  return records.filter((record) => record.kind === 'checkpoint');
}

function kindsOf(workspace: string, jobId: string): readonly string[] {
  return chainOf(join(root, workspace), jobId).map((record) =>
    record.kind === 'released' ? `released ${record.outcome}` : record.kind,
  );
}

test('a job that is completed goes back, under its id and with its record, and is completed again', async () => {
  const handle = await start('done', taskQueue, file('a'), file('b', ['a']), file('c', ['b']));
  await handle.result();
  const jobId = await jobIdOf(handle);
  const [, afterA] = await checkpointsOf(handle, 'done');
  const items = { 'statements:b': 'repeat' as const };
  const rewound = await client.rewind(handle.workflowId, { to: afterA!.seq, items, ...WHO });
  assert.deepEqual([rewound.to, rewound.runsAgain], [afterA!.seq, ['b', 'c']]);
  const result = (await latest(handle).result()) as { readonly state: { readonly seen: readonly string[] } };
  assert.deepEqual(result.state.seen, ['a', 'b', 'c']);
  assert.equal(await jobIdOf(handle), jobId);
  const steps = chainOf(join(root, 'done'), jobId).flatMap((record) =>
    record.kind === 'step' ? [`${record.stepId}${record.generation}`] : [],
  );
  assert.deepEqual(steps, ['a0', 'b0', 'c0', 'b1', 'c1']);
  const all = await checkpointsOf(handle, 'done');
  assert.deepEqual(
    all.slice(-2).map(({ source, parent }) => [source, parent]),
    [
      ['rewind', afterA!.seq],
      ['loop', all.at(-2)!.seq],
    ],
  );
  assert.equal(all.length, 6, 'what is there is not noted again');
  const undone = await client.rewind(handle.workflowId, { undo: true, ...WHO });
  assert.deepEqual([undone.reinstated, undone.runsAgain], [['b', 'c'], []]);
  await latest(handle).result();
  assert.deepEqual(kindsOf('done', jobId).filter((kind) => kind.startsWith('released')).length, 3);
});

test('a job that has failed, was aborted, cancelled or terminated goes back', async () => {
  const failing = { id: 'f', use: 'measure', with: { path: 'fails' }, needs: ['a'], onFailure: 'fail' };
  const failed = await start('failed', taskQueue, file('a'), { ...failing, retry: { maxAttempts: 1 } });
  await assert.rejects(failed.result());
  fails = false;
  await client.rewind(failed.workflowId, { to: (await checkpointsOf(failed, 'failed'))[0]!.seq, ...WHO });
  await latest(failed).result();
  assert.equal(readFileSync(join(root, 'failed', 'fails.length'), 'utf8'), '5');
  for (const how of ['aborted', 'cancelled', 'terminated'] as const) {
    const handle = await start(
      how,
      taskQueue,
      file('a'),
      file('b', ['a']),
      file('c', ['b'], { approval: 'before-apply' }),
    );
    const { digest } = await untilAsked(handle);
    const [, afterA] = await checkpointsOf(handle, how);
    if (how === 'aborted') await client.decide(handle.workflowId, { digest, answer: 'abort', ...WHO });
    else if (how === 'cancelled') await handle.cancel();
    else await handle.terminate();
    await assert.rejects(handle.result());
    const { runsAgain } = await client.rewind(handle.workflowId, { to: afterA!.seq, ...WHO });
    assert.ok(runsAgain.includes('b'), `${how}: ${runsAgain.join(', ')}`);
    const again = await untilAsked(latest(handle));
    assert.equal(existsSync(join(root, how, 'b.txt')), true);
    await client.decide(handle.workflowId, { digest: again.digest, answer: 'approve', ...WHO });
    await latest(handle).result();
    assert.equal(existsSync(join(root, how, 'c.txt')), true);
  }
});

test('where its world has changed since, the job asks about that before it goes back', async () => {
  const handle = await start('drift', taskQueue, file('a'), file('b', ['a']));
  await handle.result();
  const [, afterA] = await checkpointsOf(handle, 'drift');
  writeFileSync(join(root, 'drift', 'b.txt'), 'a person was here');
  assert.equal((await client.rewind(handle.workflowId, { to: afterA!.seq, ...WHO })).waitsFor, 'decision');
  const { digest } = await untilAsked(latest(handle));
  assert.equal(readFileSync(join(root, 'drift', 'b.txt'), 'utf8'), 'a person was here');
  await client.decide(handle.workflowId, { digest, answer: 'restore', ...WHO });
  await latest(handle).result();
  const { wentBack } = await client.status(handle.workflowId);
  assert.deepEqual(wentBack?.runsAgain, ['b']);
});

test('what can’t be gone back to is refused, and record and files are as they were', async () => {
  const handle = await start('refused', taskQueue, file('a'), file('b', ['a']));
  await handle.result();
  const jobId = await jobIdOf(handle);
  const before = chainOf(join(root, 'refused'), jobId);
  await assert.rejects(
    client.rewind(handle.workflowId, { to: 999, ...WHO }),
    /has no checkpoint 999: its checkpoints are, newest first/,
  );
  await assert.rejects(client.rewind(handle.workflowId, { undo: true, ...WHO }), /never taken back to a checkpoint/);
  assert.deepEqual(chainOf(join(root, 'refused'), jobId), before);
  renameSync(join(root, 'refused'), join(root, 'away'));
  const [, afterA] = before.filter((record) => record.kind === 'checkpoint');
  assert.equal((await client.rewind(handle.workflowId, { to: afterA!.seq, ...WHO })).waitsFor, 'decision');
  renameSync(join(root, 'away'), join(root, 'refused'));
  const { digest } = await untilAsked(latest(handle));
  await client.decide(handle.workflowId, { digest, answer: 'recheck', ...WHO });
  await latest(handle).result();
  assert.equal((await client.status(handle.workflowId)).wentBack?.to, afterA!.seq);
});

test('without a worker the job is started all the same, and goes back when one comes', async () => {
  const queue = temporal.unique('queue');
  const startAlone = async () => await startWorker(temporal, { taskQueue: queue, root: join(root, 'other') });
  const run = async (...args: readonly string[]) => await cli(['rewind', ...args], { env: temporal.env });
  const worker = await startAlone();
  const handle = await start('alone', queue, file('a'), file('b', ['a']));
  await handle.result();
  const jobId = await jobIdOf(handle);
  await worker.stop();
  const folder = join(root, 'other', 'alone');
  const [, afterA] = chainOf(folder, jobId).filter((record) => record.kind === 'checkpoint');
  const to = String(afterA!.seq);
  const preview = await run(folder, '--to', to, '--dry-run');
  assert.equal(preview.code, 0, preview.err);
  assert.match(preview.out, /Run again: b/);
  const told = await run(folder, '--to', to, '--reason', 'wrong', '--by', 'ada');
  assert.equal(told.code, 0, told.err);
  assert.match(told.out, /had ended; it is started again \(Run .*\)\.\nIt goes back when a worker is there\./);
  const second = await startAlone();
  await latest(handle).result();
  await second.stop();
  assert.equal(chainOf(folder, jobId).filter((record) => record.kind === 'step').length, 3);
});

test('a Workflow of one’s own that has ended starts again, and what is done stays', async () => {
  const paths = ['x', 'xyz'];
  const handle = await temporal.client.workflow.start(notesAll, {
    workflowId: temporal.unique('own'),
    taskQueue,
    args: [{ workspace: 'own', paths, waitMs: 1 }],
  });
  await handle.result();
  const [, afterX] = await checkpointsOf(handle, 'own');
  await client.rewind(handle.workflowId, { to: afterX!.seq, ...WHO });
  await latest(handle).result();
  assert.deepEqual(
    measured.filter((path) => path.startsWith('x')),
    ['x', 'xyz', 'x', 'xyz', 'x'],
  );
  assert.equal((await checkpointsOf(handle, 'own')).at(-1)!.parent, afterX!.seq);
  await untilStatus(latest(handle), ({ wentBack }) => wentBack !== undefined);
});
