/** A job on a real server whose record is lost: made anew from Temporal's history, and from its store. */
import assert from 'node:assert/strict';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import type { JobStatus } from '../../src/model/job/status.ts';
import { untilStatus } from '../support/job-status.ts';
import { chainOf, stepRecordsOf } from '../support/ledger.ts';
import { file, measured, notesPlan, NOTING } from '../support/noting-jobs.ts';
import { notesAll } from '../support/noting-workflow.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { testTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const temporal = await testTemporal();
const { taskQueue, root, startPlan } = servedJobs(temporal, 'rebuild-job', NOTING);

async function start(workspace: string, more: object = {}): Promise<WorkflowHandle> {
  const steps = [file('a'), file('b', ['a']), file('c', ['b'], { approval: 'before-apply' }), file('d', ['c'])];
  return await startPlan(notesPlan(workspace, steps, more));
}

type Asked = JobStatus['questions'][number];

async function untilKind(handle: WorkflowHandle, kind: string): Promise<Asked> {
  const isIt = ({ questions }: JobStatus): boolean => questions.some((question) => question.kind === kind);
  return (await untilStatus(handle, isIt)).questions.find((question) => question.kind === kind)!;
}

async function answer(handle: WorkflowHandle, { digest }: Asked, decided: string): Promise<void> {
  await handle.executeUpdate('decide', { args: [{ digest, answer: decided, by: 'ann', reason: 'the disk is gone' }] });
}

/** The record is deleted while the job waits for an approval, which is then of nothing that anybody knows. */
async function loseAndRebuild(handle: WorkflowHandle, workspace: string): Promise<Asked> {
  const approval = await untilKind(handle, 'approval');
  rmSync(join(root, workspace, '.holdfast'), { recursive: true });
  await answer(handle, approval, 'approve');
  const question = await untilKind(handle, 'damaged');
  await answer(handle, question, 'rebuild');
  await answer(handle, await untilKind(handle, 'approval'), 'approve');
  return question;
}

test('a job whose record is deleted while it waits goes on from what its history tells', async () => {
  const handle = await start('history');
  await untilKind(handle, 'approval');
  const before = statSync(join(root, 'history', 'a.txt'));
  const question = await loseAndRebuild(handle, 'history');
  assert.match(question.findings[0]!.found.text, /Only Temporal's history has the job: the results of 2 steps/);
  assert.match(question.findings[0]!.difference, /may have begun, and run anew from their beginning: c$/m);
  const result = (await handle.result()) as { readonly state: unknown };
  assert.deepEqual(result.state, { seen: ['a', 'b', 'c', 'd'] });
  const now = statSync(join(root, 'history', 'a.txt'));
  assert.deepEqual([now.ino, now.mtimeMs], [before.ino, before.mtimeMs], 'it was not written again');
  const { jobId } = await handle.query<JobStatus>('status');
  const generations = (id: string): unknown =>
    stepRecordsOf(join(root, 'history'), jobId, id).map((one) => one.generation);
  assert.deepEqual(['a', 'b', 'c', 'd'].map(generations), [[0], [0], [1], [0]]);
});

test('with a store its record is that of the store, and the files are compared with it', async () => {
  const handle = await start('stored', { checkpoint: { store: 'store' } });
  await untilKind(handle, 'approval');
  const { jobId } = await handle.query<JobStatus>('status');
  const before = chainOf(join(root, 'stored'), jobId);
  const place = before.findLast(({ kind }) => kind === 'checkpoint')!.seq;
  writeFileSync(join(root, 'stored', 'a.txt'), 'changed by a person');
  const approval = await untilKind(handle, 'approval');
  rmSync(join(root, 'stored', '.holdfast'), { recursive: true });
  await answer(handle, approval, 'approve');
  const question = await untilKind(handle, 'damaged');
  assert.match(
    question.findings[0]!.found.text,
    new RegExp(`Checkpoint ${place} in .*store has its first ${place} records$`),
  );
  await answer(handle, question, 'rebuild');
  const drift = await untilKind(handle, 'discrepancy');
  assert.deepEqual(
    drift.findings.map(({ resource, kind }) => `${resource} ${kind}`),
    ['file:a.txt changed'],
  );
  await answer(handle, drift, 'restore');
  await answer(handle, await untilKind(handle, 'approval'), 'approve');
  await handle.result();
  assert.deepEqual(chainOf(join(root, 'stored'), jobId).slice(0, place), before.slice(0, place));
});

test('a Workflow of one’s own goes on in a record that is made anew of what all of its Runs have heard', async () => {
  const paths = ['one', 'second', 'the-third', 'four'];
  const handle = await temporal.client.workflow.start(notesAll, {
    workflowId: temporal.unique('job'),
    taskQueue,
    args: [{ workspace: 'own', paths, waitMs: 1_500, continueAsNewAfterEvents: 25 }],
  });
  await until(
    () => measured.length,
    (count) => count >= paths.length,
  );
  rmSync(join(root, 'own', '.holdfast'), { recursive: true });
  const question = await untilKind(handle, 'damaged');
  assert.match(question.findings[0]!.found.text, /the results of 4 steps/);
  await answer(handle, question, 'rebuild');
  const result = (await handle.result()) as unknown as { readonly order: unknown };
  assert.deepEqual(result.order, paths);
  assert.deepEqual(measured, [...paths, 'one'], 'each once, and the last step');
});
