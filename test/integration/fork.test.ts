/** A fork of a job, of a plan or of a Workflow of one's own: a job beside it that goes on from a checkpoint. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { jobStateAt } from '../../src/changes/job-state.ts';
import { forkJob } from '../../src/changes.ts';
import type { PlanResult } from '../../src/model/plan/run/progress.ts';
import type { CheckpointRecord } from '../../src/model/record/record.ts';
import { cli } from '../support/cli-terminal.ts';
import { fingerprint } from '../support/forked-job.ts';
import { untilAsked } from '../support/job-status.ts';
import { checkpointsIn, file, looking, measured, notesPlan, NOTING } from '../support/noting-jobs.ts';
import { notesAll } from '../support/noting-workflow.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const { taskQueue, root, client, startPlan } = servedJobs(temporal, 'fork', NOTING);
const WHO = { by: 'ada', reason: 'another way' };
const env = { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: temporal.client.options.namespace };

async function start(workspace: string, ...steps: readonly object[]): Promise<WorkflowHandle> {
  return await startPlan(notesPlan(workspace, steps), { input: {} });
}

async function checkpointsOf(workspace: string): Promise<readonly CheckpointRecord[]> {
  return await checkpointsIn(join(root, workspace));
}

function told({ step, source, tasks }: CheckpointRecord): string {
  return [source, step, ...tasks.map(({ id, outcome }) => `${id} ${outcome}`)].join(' ');
}

function text(workspace: string, name: string): string {
  return readFileSync(join(root, workspace, name), 'utf8');
}

test('a fork of a job that waits goes on from its checkpoint, asks on its own, and the job is as it was', async () => {
  const approval = { approval: 'before-apply' };
  const handle = await start('asks', file('a'), file('b', ['a']), file('c', ['b'], approval), file('d', ['c']));
  const asked = await untilAsked(handle);
  const [, afterA] = await checkpointsOf('asks');
  const other = fingerprint(join(root, 'asks'));
  const at = String(afterA!.seq);
  const ran = await cli(['fork', join(root, 'asks'), '--at', at, '--workspace', join(root, 'asks-2'), '--json'], {
    env,
  });
  assert.equal(ran.code, 0, ran.err);
  const { workflowId, from } = ran.json<{ workflowId: string; from: object }>();
  assert.deepEqual(from, { workflowId: handle.workflowId, seq: afterA!.seq });
  const fork = temporal.client.workflow.getHandle(workflowId);
  const again = await untilAsked(fork);
  assert.notEqual(again.digest, asked.digest, 'an approval of the one is none of the other');
  assert.deepEqual(fingerprint(join(root, 'asks')), other);
  assert.equal(await client.workspaceOf(workflowId), join(root, 'asks-2'));
  const status = await client.status(workflowId);
  assert.deepEqual(status.fork, from);
  assert.deepEqual(
    status.steps.map(({ id, state }) => [id, state]),
    [
      ['a', 'done'],
      ['b', 'done'],
      ['c', 'approval'],
    ],
  );
  await client.decide(workflowId, { digest: again.digest, answer: 'approve', ...WHO });
  assert.deepEqual(((await fork.result()) as PlanResult).state, { seen: ['a', 'b', 'c', 'd'] });
  const all = await checkpointsOf('asks-2');
  assert.deepEqual(all.map(told), [
    'input -1',
    'loop 0 a done',
    'fork 0',
    'loop 1 b done',
    'loop 2 c done',
    'loop 3 d done',
  ]);
  assert.equal(all[2]!.parent, afterA!.seq);
  const values = await looking(join(root, 'asks-2'), (inspection) =>
    [2, 5].map((place) => jobStateAt(inspection, inspection.job(), all[place]!.seq).values),
  );
  assert.deepEqual(values, [{ seen: ['a'] }, { seen: ['a', 'b', 'c', 'd'] }]);
  const log = await cli(['log', join(root, 'asks-2')], { env });
  assert.match(log.out, new RegExp(`forked from ${handle.workflowId} at checkpoint ${at}, by `));
  const shown = await cli(['status', workflowId], { env });
  assert.match(shown.out, new RegExp(`a fork of ${handle.workflowId} at its checkpoint ${at}`));
  await client.decide(handle.workflowId, { digest: asked.digest, answer: 'approve', ...WHO });
  await handle.result();
  assert.equal(text('asks', 'd.txt'), 'd');
});

test('a fork of a job that has ended; lists and rounds are known as done', async () => {
  const each = { path: 'each-${{ item }}.txt', content: '${{ job.id }}' };
  const list = { id: 'each', use: 'file.write', with: each, forEach: { items: ['x', 'y'], within: 'workflow' } };
  const handle = await start('ended', file('a'), list, file('b', ['each', 'a']), file('c', ['b']));
  await handle.result();
  const all = await checkpointsOf('ended');
  const made = await forkJob(join(root, 'ended'), { at: all.at(-2)!.seq, workspace: join(root, 'ended-2'), ...WHO });
  const started = await client.startFork(made.fork);
  assert.deepEqual(await client.startFork(made.fork), started, 'sent again it is the same');
  const result = (await temporal.client.workflow.getHandle(started.workflowId).result()) as PlanResult;
  assert.equal((result.outputs['each'] as readonly unknown[]).length, 2);
  assert.match(text('ended-2', 'each-x.txt'), new RegExp(`^${handle.workflowId}@`), 'it was done by the other job');
  const records = await looking(join(root, 'ended-2'), (inspection) => {
    const { jobId } = inspection.job();
    return inspection
      .chain(jobId)
      .map(({ record }) => [record.kind, record.jobId === jobId, 'stepId' in record && record.stepId]);
  });
  assert.deepEqual(
    records.filter(([kind, isOwn]) => kind === 'step' && isOwn),
    [['step', true, 'c']],
  );
});

test('a Workflow of one’s own goes on in a fork, and what was done answers from the record', async () => {
  const handle = await temporal.client.workflow.start(notesAll, {
    workflowId: temporal.unique('own'),
    taskQueue,
    args: [{ workspace: 'own', paths: ['a', 'bcd', 'ef'], waitMs: 100 }],
  });
  const result = await handle.result();
  const before = measured.length;
  const all = await checkpointsOf('own');
  const made = await forkJob(join(root, 'own'), { at: all[2]!.seq, workspace: join(root, 'own-2'), ...WHO });
  const { workflowId } = await client.startFork(made.fork);
  assert.deepEqual(await temporal.client.workflow.getHandle(workflowId).result(), result);
  assert.deepEqual(measured.slice(before), ['ef', 'a']);
  const forked = await checkpointsOf('own-2');
  assert.deepEqual(
    forked.map(({ source, step, parent }) => [source, step, parent]),
    [
      ['input', -1, null],
      ['loop', 0, all[0]!.seq],
      ['loop', 1, all[1]!.seq],
      ['fork', 1, all[2]!.seq],
      ['loop', 2, all[2]!.seq],
    ],
  );
});

test('a fork goes on through new Runs', async () => {
  const steps = Array.from({ length: 6 }, (_, index) => file(`s${index}`, index === 0 ? [] : [`s${index - 1}`]));
  const plan = notesPlan('long', steps, { name: 'long' });
  const handle = await startPlan(plan, { input: {}, continueAsNewAfterEvents: 20 });
  const { state: whole } = await handle.result();
  const all = await checkpointsOf('long');
  const made = await forkJob(join(root, 'long'), { at: all[3]!.seq, workspace: join(root, 'long-2'), ...WHO });
  const { workflowId } = await client.startFork(made.fork);
  const latest = temporal.client.workflow.getHandle(workflowId);
  assert.deepEqual(((await latest.result()) as PlanResult).state, whole);
  assert.equal(await client.workspaceOf(workflowId), join(root, 'long-2'));
  const described = await latest.describe();
  assert.notEqual(described.runId, (await client.startFork(made.fork)).runId, 'the first one, of several');
  assert.equal(text('long-2', 's5.txt'), 's5');
});

test('the command shows what it would make, and refuses what can’t be made', async () => {
  const handle = await start('typed', file('a'), file('b', ['a']), file('c', ['b'], { approval: 'before-apply' }));
  await untilAsked(handle);
  const [, afterA] = await checkpointsOf('typed');
  const run = async (...args: readonly string[]) => await cli(['fork', join(root, 'typed'), ...args], { env });
  const into = ['--workspace', join(root, 'typed-2')];
  const preview = await run('--at', String(afterA!.seq), ...into, '--dry-run');
  assert.equal(preview.code, 0, preview.err);
  assert.match(preview.out, /done {8}a\n {2}runs next {3}b\n {2}taken back {2}in the copy, what these did: b/);
  assert.match((await run('--at', '3')).err, /needs --workspace FOLDER/);
  assert.match((await run(...into)).err, /needs --at NUMBER/);
  const unknown = await run('--at', '999', ...into);
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /has no checkpoint 999: its checkpoints are, newest first/);
  const same = await run('--at', String(afterA!.seq), '--workspace', join(root, 'typed'));
  assert.equal(same.code, 2);
  assert.match(same.err, /a folder of its own/);
  const database = await run('--at', String(afterA!.seq), ...into, '--database', 'main=sqlite:x.db');
  assert.match(database.err, /no database "main"; it declares none/);
  assert.match((await run('--at', String(afterA!.seq), ...into, '--database', 'main')).err, /Expected NAME=PLACE/);
  await handle.terminate();
});
