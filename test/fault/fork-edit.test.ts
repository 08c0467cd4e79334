/** A fork that begins with what a person has put in by hand: before anything of it runs. */
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { forkJob, type ForkOptions } from '../../src/changes.ts';
import { isFailure } from '../../src/model/failure.ts';
import type { PlanResult } from '../../src/model/plan/run/progress.ts';
import type { ChainRecord, CheckpointRecord } from '../../src/model/record/record.ts';
import { cli } from '../support/cli-terminal.ts';
import { fingerprint } from '../support/forked-job.ts';
import { untilAsked } from '../support/job-status.ts';
import { checkpointsIn, file, looking, measured, notesPlan, NOTING } from '../support/noting-jobs.ts';
import { notesAll } from '../support/noting-workflow.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const { taskQueue, root, client, startPlan } = servedJobs(temporal, 'fork-edit', NOTING);
const WHO = { by: 'ada', reason: 'more sources' };
const env = { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: temporal.client.options.namespace };

/** `b` writes what `a` has written, by its output. */
const copies = {
  id: 'b',
  use: 'file.copy',
  with: { from: '${{ steps.a.output.path }}', to: 'b.txt' },
  state: { seen: 'b' },
};

async function done(workspace: string, ...steps: readonly object[]): Promise<WorkflowHandle> {
  const handle = await startPlan(notesPlan(workspace, steps), { input: {} });
  await handle.result();
  return handle;
}

async function checkpointsOf(workspace: string): Promise<readonly CheckpointRecord[]> {
  return await checkpointsIn(join(root, workspace));
}

async function recordsOf(workspace: string): Promise<readonly ChainRecord[]> {
  return await looking(join(root, workspace), (inspection) => {
    const { jobId } = inspection.job();
    return inspection.chain(jobId).flatMap(({ record }) => (record.jobId === jobId ? [record] : []));
  });
}

function text(workspace: string, name: string): string {
  return readFileSync(join(root, workspace, name), 'utf8');
}

async function activitiesOf(handle: WorkflowHandle): Promise<readonly string[]> {
  const { events = [] } = await handle.fetchHistory();
  return events!.flatMap(
    ({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name?.split('.').at(-1) ?? [],
  );
}

/** What a Workflow requests from the first request for an Activity on until its end. */
async function scheduledDuring(handle: WorkflowHandle, activity: string): Promise<readonly string[]> {
  const { events = [] } = await handle.fetchHistory();
  const nameOf = (event: NonNullable<typeof events>[number]): string =>
    event.activityTaskScheduledEventAttributes?.activityType?.name?.split('.').at(-1) ?? '';
  const begun = events!.find((event) => nameOf(event) === activity)!;
  const isItsEnd = (event: NonNullable<typeof events>[number]): boolean =>
    String(event.activityTaskCompletedEventAttributes?.scheduledEventId) === String(begun.eventId);
  const during = events!.slice(events!.indexOf(begun) + 1, events!.findIndex(isItsEnd));
  return during.map(nameOf).filter((name) => name !== '');
}

async function refused(made: Promise<unknown>): Promise<string> {
  try {
    await made;
  } catch (error) {
    assert.ok(isFailure(error, 'bad-input'), String(error));
    return error.message;
  }
  return assert.fail('it was made');
}

test('what is put in together with a fork counts before its first step: what comes next runs not at all', async () => {
  await done('next', file('a'), file('b', ['a']), file('c', ['b']));
  const [, afterA] = await checkpointsOf('next');
  const other = fingerprint(join(root, 'next'));
  writeFileSync(join(root, 'by-hand.json'), JSON.stringify({ seen: 'by hand' }));
  const typed = ['fork', join(root, 'next'), '--at', String(afterA!.seq), '--workspace', join(root, 'next-2')];
  const edit = ['--as-node', 'b', '--values', `@${join(root, 'by-hand.json')}`, '--by', 'ada', '--json'];
  const preview = await cli([...typed, ...edit, '--dry-run'], { env });
  assert.equal(preview.code, 0, preview.err);
  assert.equal(preview.json<{ edited: string }>().edited, 'b');
  const ran = await cli([...typed, ...edit, '--reason', WHO.reason], { env });
  assert.equal(ran.code, 0, ran.err);
  const fork = temporal.client.workflow.getHandle(ran.json<{ workflowId: string }>().workflowId);
  assert.deepEqual(((await fork.result()) as PlanResult).state, { seen: ['a', 'by hand', 'c'] });
  assert.equal(existsSync(join(root, 'next-2', 'b.txt')), false, 'the code of b has not run');
  assert.deepEqual(fingerprint(join(root, 'next')), other);
  const activities = await activitiesOf(fork);
  assert.deepEqual(activities.slice(0, 2), ['verifyWorld', 'edit'], activities.join(', '));
  assert.deepEqual(await scheduledDuring(fork, 'edit'), [], 'nothing else is requested meanwhile');
  const records = await recordsOf('next-2');
  const decision = records.find((record) => record.kind === 'decision');
  assert.ok(decision?.kind === 'decision');
  assert.deepEqual([decision.by, decision.reason], [WHO.by, WHO.reason]);
  assert.deepEqual(decision.edits, { stepId: 'b', output: null, values: { seen: 'by hand' } });
  const all = await checkpointsOf('next-2');
  assert.deepEqual(
    all.map(({ source, step }) => `${source} ${step}`),
    ['input -1', 'loop 0', 'fork 0', 'update 1', 'loop 2'],
  );
});

test('a step that is done is put in anew: what used it runs with that, also through new Runs', async () => {
  const more = Array.from({ length: 4 }, (_, index) => file(`s${index}`, [index === 0 ? 'b' : `s${index - 1}`]));
  const steps = [file('a'), copies, ...more];
  await (await startPlan(notesPlan('done', steps), { input: {}, continueAsNewAfterEvents: 20 })).result();
  const afterB = (await checkpointsOf('done'))[2]!;
  writeFileSync(join(root, 'done', 'other.txt'), 'other');
  const made = await forkJob(join(root, 'done'), {
    at: afterB.seq,
    workspace: join(root, 'done-2'),
    edit: {
      asNode: 'a',
      output: { path: 'other.txt', sizeBytes: 5, digest: hash('sha256', 'other') },
      values: { seen: 'other' },
    },
    ...WHO,
  });
  const fork = temporal.client.workflow.getHandle((await client.startFork(made.fork)).workflowId);
  const { state } = (await fork.result()) as PlanResult;
  assert.deepEqual(state, { seen: ['other', 'b', 's0', 's1', 's2', 's3'] });
  assert.equal(text('done-2', 'b.txt'), 'other');
  assert.equal(text('done', 'b.txt'), 'a');
  const decisions = (await recordsOf('done-2')).filter(({ kind }) => kind === 'decision');
  assert.equal(decisions.length, 1);
  const first = temporal.client.workflow.getHandle(fork.workflowId, (await client.startFork(made.fork)).runId);
  assert.equal((await activitiesOf(fork)).includes('edit'), false, 'it is carried out in the first of several Runs');
  assert.ok((await activitiesOf(first)).includes('edit'));
});

test('a fork that is reset to its beginning has put in the same, once', async () => {
  await done('reset', file('a'), file('b', ['a']), file('c', ['b']));
  const afterA = (await checkpointsOf('reset'))[1]!;
  const edit = { asNode: 'b', values: { seen: 'by hand' } };
  const made = await forkJob(join(root, 'reset'), { at: afterA.seq, workspace: join(root, 'reset-2'), edit, ...WHO });
  const { workflowId, runId } = await client.startFork(made.fork);
  const fork = temporal.client.workflow.getHandle(workflowId);
  await fork.result();
  await temporal.connection.workflowService.resetWorkflowExecution({
    namespace: temporal.namespace,
    workflowExecution: { workflowId, runId },
    reason: 'test',
    requestId: temporal.unique('reset'),
    workflowTaskFinishEventId: 4 as never,
  });
  const question = await untilAsked(fork);
  assert.equal(question.kind, 'ahead');
  await client.decide(workflowId, { digest: question.digest, answer: 'keep', ...WHO });
  assert.deepEqual(((await fork.result()) as PlanResult).state, { seen: ['a', 'by hand', 'c'] });
  const edits = (await recordsOf('reset-2')).filter(
    (record) => record.kind === 'decision' && record.edits !== undefined,
  );
  assert.equal(edits.length, 1);
});

test('a Workflow of one’s own begins in a fork with what was put in', async () => {
  const handle = await temporal.client.workflow.start(notesAll, {
    workflowId: temporal.unique('own'),
    taskQueue,
    args: [{ workspace: 'own', paths: ['a', 'bcd', 'ef'], waitMs: 100 }],
  });
  await handle.result();
  const all = await checkpointsOf('own');
  const before = measured.length;
  const made = await forkJob(join(root, 'own'), {
    at: all[2]!.seq,
    workspace: join(root, 'own-2'),
    edit: { asNode: 'bcd', output: { length: 99 }, values: { longest: 'put in by hand' } },
    ...WHO,
  });
  const fork = temporal.client.workflow.getHandle((await client.startFork(made.fork)).workflowId);
  const result = (await fork.result()) as { order: readonly string[]; longest: string };
  assert.deepEqual(result, { order: ['a', 'bcd', 'ef'], longest: 'put in by hand' });
  assert.deepEqual(measured.slice(before), ['ef', 'a'], 'the code of bcd has not run');
  assert.equal((await activitiesOf(fork))[1], 'edit');
});

test('what does not fit is refused before anything is made, or ends the fork before anything runs', async () => {
  await done('wrong', file('a'), copies, file('c', ['b']));
  const afterA = (await checkpointsOf('wrong'))[1]!;
  const into = join(root, 'wrong-2');
  const fork = async (edit: ForkOptions['edit'], who: object = WHO) =>
    await forkJob(join(root, 'wrong'), { at: afterA.seq, workspace: into, edit: edit!, by: 'ada', ...who });
  const values = { seen: 'x' };
  assert.match(await refused(fork({ asNode: 'c', values })), /"c" is neither done at checkpoint 5 nor next: .* b, a/);
  assert.match(await refused(fork({ asNode: 'b', values: { sene: 'x' } })), /not declared.*Did you mean "seen"/);
  assert.match(await refused(fork({ asNode: 'b', values }, {})), /reason: expected why/);
  assert.match(await refused(fork({ asNode: 'b' })), /expected values for the state, an output, or both/);
  assert.match(await refused(fork({ asNode: 'b', values, more: 1 } as never)), /more/);
  const typed = ['fork', join(root, 'wrong'), '--at', String(afterA.seq), '--workspace', into];
  assert.match((await cli([...typed, '--values', '{}'], { env })).err, /needs --as-node STEP/);
  assert.match((await cli([...typed, '--as-node', 'b'], { env })).err, /needs --values JSON, .* and --reason WHY/);
  const preview = await cli([...typed, '--as-node', 'c', '--values', '{}', '--dry-run'], { env });
  assert.equal(preview.code, 2);
  assert.match(preview.out, /neither done/);
  assert.equal(existsSync(into), false, 'nothing was made');
  // What only the worker knows, the contract of the step's code.
  const made = await fork({ asNode: 'a', output: { path: 7 } });
  const handle = temporal.client.workflow.getHandle((await client.startFork(made.fork)).workflowId);
  const ended = await client.result(handle.workflowId, { wait: true });
  assert.equal(ended.outcome, 'failed');
  assert.match(JSON.stringify(ended), /The state was not updated: output\.path: .*expected string/);
  assert.deepEqual(await activitiesOf(handle), ['verifyWorld', 'edit', 'release']);
  assert.equal(existsSync(join(into, 'b.txt')), false);
});

test('the same command finds the fork that has not begun; with another edit it finds none of its own', async () => {
  const handle = await startPlan(notesPlan('again', [file('a'), file('b', ['a'], { approval: 'before-apply' })]));
  await untilAsked(handle);
  const [, afterA] = await checkpointsOf('again');
  const fork = async (seen: string) =>
    await forkJob(join(root, 'again'), {
      at: afterA!.seq,
      workspace: join(root, 'again-2'),
      edit: { asNode: 'b', values: { seen } },
      ...WHO,
    });
  const first = await fork('x');
  const second = await fork('x');
  assert.ok(second.isFound);
  assert.deepEqual(second.fork, first.fork);
  assert.match(await refused(fork('y')), /is not empty/);
  await handle.terminate();
});
