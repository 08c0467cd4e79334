/** A job, of a plan or of a Workflow of one's own, goes back to one of its checkpoints, and the world with it. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { jobStateAt } from '../../src/changes/job-state.ts';
import { isFailure } from '../../src/model/failure.ts';
import type { CheckpointRecord } from '../../src/model/record/record.ts';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { checkpointsIn, file, looking, measured, notesPlan, NOTING } from '../support/noting-jobs.ts';
import { notesAll } from '../support/noting-workflow.ts';
import { cli } from '../support/cli-terminal.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const { taskQueue, root, client, startPlan } = servedJobs(temporal, 'rewind', NOTING);
const WHO = { by: 'ada', reason: 'the second one was wrong' };

async function start(workspace: string, ...steps: readonly object[]): Promise<WorkflowHandle> {
  return await startPlan(notesPlan(workspace, steps));
}

async function checkpointsOf(workspace: string): Promise<readonly CheckpointRecord[]> {
  return await checkpointsIn(join(root, workspace));
}

function there(workspace: string, ...ids: readonly string[]): readonly boolean[] {
  return ids.map((id) => existsSync(join(root, workspace, `${id}.txt`)));
}

function told({ step, source, tasks }: CheckpointRecord): string {
  return [source, step, ...tasks.map(({ id, generation, outcome }) => `${id}${generation}${outcome}`)].join(' ');
}

test('a job that waits for an approval goes back with its files, and asks again', async () => {
  const handle = await start('asks', file('a'), file('b', ['a']), file('c', ['b'], { approval: 'before-apply' }));
  const first = await untilAsked(handle);
  const [, afterA] = await checkpointsOf('asks');
  assert.deepEqual(there('asks', 'a', 'b', 'c'), [true, true, false]);
  const rewound = await client.rewind(handle.workflowId, { to: afterA!.seq, ...WHO });
  assert.equal(rewound.to, afterA!.seq);
  assert.deepEqual(rewound.runsAgain, ['b', 'c']);
  const { questions } = await untilStatus(
    handle,
    ({ questions: [one] }) => one !== undefined && one.digest !== first.digest,
  );
  assert.deepEqual(there('asks', 'a', 'b', 'c'), [true, true, false]);
  await handle.signal('decide', { digest: questions[0]!.digest, answer: 'approve', ...WHO });
  await handle.result();
  const all = await checkpointsOf('asks');
  assert.deepEqual(all.map(told), [
    'input -1',
    'loop 0 a0done',
    'loop 1 b0done',
    'rewind 2 c1void',
    'loop 1 b1done',
    'loop 2 c1done',
  ]);
  assert.equal(all[3]!.parent, afterA!.seq, 'the next one goes on from the one that was gone back to');
  const states = await looking(join(root, 'asks'), (inspection) =>
    [3, 5].map((place) => jobStateAt(inspection, inspection.job(), all[place]!.seq).values),
  );
  assert.deepEqual(states, [{ seen: ['a'] }, { seen: ['a', 'b', 'c'] }]);
});

test('a job that waits for a time goes back at once, and waits anew', async () => {
  const wait = { id: 'w', use: 'wait', with: { seconds: 3_600 }, needs: ['a'] };
  const handle = await start('waits', file('a'), wait, file('b', ['a']), file('c', ['w', 'b']));
  await untilStatus(handle, ({ steps }) => steps.some(({ id, state }) => id === 'b' && state === 'done'));
  const [input, afterA] = await checkpointsOf('waits');
  // The record has the checkpoint before anything of the next super-step.
  assert.equal((await client.rewind(handle.workflowId, { to: afterA!.seq, ...WHO })).to, afterA!.seq);
  const again = await untilStatus(handle, ({ steps }) =>
    steps.some(({ id, state, generation }) => id === 'b' && state === 'done' && generation === 1),
  );
  assert.match(again.steps.find(({ id }) => id === 'w')!.effects, /^until /);
  await client.rewind(handle.workflowId, { to: input!.seq, ...WHO });
  await untilStatus(handle, ({ steps }) =>
    steps.some(({ id, state, generation }) => id === 'b' && state === 'done' && generation === 2),
  );
  await handle.terminate();
});

test('where the world is not as recorded the job asks about it before it goes back', async () => {
  const handle = await start('drift', file('a'), file('b', ['a']), file('c', ['b'], { approval: 'before-apply' }));
  await untilAsked(handle);
  const [, afterA] = await checkpointsOf('drift');
  writeFileSync(join(root, 'drift', 'b.txt'), 'a person was here');
  const rewind = async (): Promise<unknown> => await client.rewind(handle.workflowId, { to: afterA!.seq, ...WHO });
  await assert.rejects(rewind, /file:b.txt: not as the record has it, so nothing was taken back/);
  const { questions } = await untilStatus(handle, (status) =>
    status.questions.some(({ kind }) => kind === 'discrepancy'),
  );
  await assert.rejects(rewind, /a question about the world is open: answer it first/);
  const { digest } = questions.find(({ kind }) => kind === 'discrepancy')!;
  await client.decide(handle.workflowId, { digest, answer: 'restore', ...WHO });
  await rewind();
  await untilStatus(handle, ({ steps }) =>
    steps.some(({ id, state, generation }) => id === 'b' && state === 'done' && generation === 1),
  );
  const { refusals } = await client.status(handle.workflowId);
  assert.equal(refusals.length, 1, 'the one that entered the history');
  await handle.terminate();
});

test('a Workflow of one’s own starts anew from where it waits, and what is done stays', async () => {
  const paths = ['a', 'bcd', 'ef'];
  const handle = await temporal.client.workflow.start(notesAll, {
    workflowId: temporal.unique('own'),
    taskQueue,
    args: [{ workspace: 'own', paths, waitMs: 3_600_000 }],
  });
  await untilStatus(handle, ({ steps }) => steps.some(({ id, state }) => id === 'ef' && state === 'done'));
  // The last one is in the record with the next step; what came before it is there.
  const [, afterA, afterB] = await checkpointsOf('own');
  await client.rewind(handle.workflowId, { to: afterA!.seq, ...WHO });
  const latest = temporal.client.workflow.getHandle(handle.workflowId);
  await untilStatus(latest, ({ steps }) =>
    steps.some(({ id, state, generation }) => id === 'ef' && state === 'done' && generation === 1),
  );
  assert.deepEqual(measured, ['a', 'bcd', 'ef', 'bcd', 'ef']);
  const last = (await checkpointsOf('own')).at(-1)!;
  assert.deepEqual([last.parent, last.step], [afterA!.seq, afterB!.step]);
  await latest.terminate();
});

test('a rewind that is undone: what it took away counts again, and no code runs for it', async () => {
  const env = { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: temporal.client.options.namespace };
  const run = async (...args: readonly string[]) => await cli(['rewind', ...args], { env });
  const second = { id: 'b', use: 'measure', with: { path: 'undone' }, needs: ['a'], state: { seen: 'b' } };
  const handle = await start('undone', file('a'), second, file('c', ['b'], { approval: 'before-apply' }));
  const askedAnew = async (earlier: string): Promise<string> => {
    const { questions } = await untilStatus(
      handle,
      ({ questions: [one] }) => one !== undefined && one.digest !== earlier,
    );
    return questions[0]!.digest;
  };
  const first = await askedAnew('none');
  const folder = join(root, 'undone');
  const [input] = await checkpointsOf('undone');
  assert.match((await run(folder, '--undo', '--dry-run')).err, /never taken back to a checkpoint/);
  assert.match((await run(folder, '--undo', '--to', '3')).err, /--to NUMBER or --undo, not both/);
  await client.rewind(handle.workflowId, { to: input!.seq, ...WHO });
  const again = await askedAnew(first);
  const times = measured.filter((path) => path === 'undone').length;
  const preview = await run(folder, '--undo', '--dry-run');
  assert.equal(preview.code, 0, preview.err);
  assert.match(preview.out, /undoing the rewind of record \d+ \(ada: the second one was wrong\)/);
  assert.match(preview.out, /Put back as it was before that:\n.*file:a\.txt.*Done again, .*: a, b\nRun again: c/s);
  const done = await run(folder, '--undo', '--reason', 'it was right', '--by', 'ada');
  assert.equal(done.code, 0, done.err);
  assert.match(done.out, /is as before it went back to checkpoint \d+\. Done again, as before: a, b\. Run again: c\./);
  await handle.signal('decide', { digest: await askedAnew(again), answer: 'approve', ...WHO });
  await handle.result();
  assert.deepEqual(there('undone', 'a', 'c'), [true, true]);
  assert.equal(measured.filter((path) => path === 'undone').length, times);
  const all = await checkpointsOf('undone');
  const since = all.slice(-4);
  assert.deepEqual(since.map(told), ['rewind 2 c2void', 'loop 0 a2done', 'loop 1 b2done', 'loop 2 c2done']);
  assert.equal(since[0]!.parent, input!.seq);
});

test('the command shows what it would do, does it, and refuses what can’t be done', async () => {
  const handle = await start('typed', file('a'), file('b', ['a']), file('c', ['b'], { approval: 'before-apply' }));
  const first = await untilAsked(handle);
  const [, afterA] = await checkpointsOf('typed');
  const env = { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: temporal.client.options.namespace };
  const run = async (...args: readonly string[]) => await cli(['rewind', join(root, 'typed'), ...args], { env });
  const preview = await run('--to', String(afterA!.seq), '--dry-run');
  assert.equal(preview.code, 0, preview.err);
  assert.match(preview.out, /Undone, newest first:\n {2}b\n {4}file:b.txt\n\nRun again: b, c/);
  assert.deepEqual(there('typed', 'b'), [true]);
  const unknown = await run('--to', '999', '--dry-run');
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /has no checkpoint 999: its checkpoints are, newest first/);
  assert.match((await run('--to', '3')).err, /needs --reason WHY/);
  const done = await run('--to', String(afterA!.seq), '--reason', 'wrong', '--by', 'ada');
  assert.equal(done.code, 0, done.err);
  assert.match(done.out, /goes on from checkpoint \d+. Run again: b, c\./);
  const { questions } = await untilStatus(
    handle,
    ({ questions: [one] }) => one !== undefined && one.digest !== first.digest,
  );
  await client.decide(handle.workflowId, { digest: questions[0]!.digest, answer: 'approve', ...WHO });
  await handle.result();
  const ended = await run('--to', String(afterA!.seq), '--reason', 'once more', '--by', 'ada');
  assert.equal(ended.code, 0, ended.err);
  assert.match(
    ended.out,
    /had ended; it is started again \(Run .*\)\..*goes on from checkpoint \d+\. Run again: b, c\./s,
  );
  await temporal.client.workflow.getHandle(handle.workflowId).terminate();
  await assert.rejects(client.rewind(handle.workflowId, { to: 0, by: '', reason: 'x' }), (error) =>
    isFailure(error, 'bad-input'),
  );
});
