/**
 * A lost record on a real server, by what there is to make it of: an encrypted history, one whose earlier Run is gone,
 * that of a fork, of a job that was started from its store, and of one that had ended and went back.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { forkJob } from '../../src/changes.ts';
import { connectHoldfast } from '../../src/client.ts';
import type { JobStatus } from '../../src/model/job/status.ts';
import { testBundle } from '../support/bundle.ts';
import { untilStatus } from '../support/job-status.ts';
import { chainOf, stepRecordsOf } from '../support/ledger.ts';
import { checkpointsIn, file, notesPlan, NOTING } from '../support/noting-jobs.ts';
import { startWorker } from '../support/running-worker.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { storedText } from '../support/stored-history.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilTrue } from '../support/until.ts';

const temporal = await testTemporal();
const { root, client, startPlan } = servedJobs(temporal, 'sources', NOTING);
const WHO = { by: 'ann', reason: 'the disk is gone' };
const LIMIT_MS = 60_000;
const STORED = { checkpoint: { store: 'stored' } };

type Asked = JobStatus['questions'][number];

/** Waits at `c` for an approval. */
const STEPS = [file('a'), file('b', ['a']), file('c', ['b'], { approval: 'before-apply' }), file('d', ['c'])];

async function untilKind({ workflowId }: { readonly workflowId: string }, kind: string): Promise<Asked> {
  const handle = temporal.client.workflow.getHandle(workflowId);
  const isIt = ({ questions }: JobStatus): boolean => questions.some((question) => question.kind === kind);
  return (await untilStatus(handle, isIt, LIMIT_MS)).questions.find((question) => question.kind === kind)!;
}

async function answer({ workflowId }: { readonly workflowId: string }, asked: Asked, given: string): Promise<void> {
  await client.decide(workflowId, { digest: asked.digest, answer: given as 'approve', ...WHO });
}

/** The record is deleted while the job waits for an approval, which is then of nothing that anybody knows. */
async function lose(job: { readonly workflowId: string }, workspace: string): Promise<Asked> {
  const approval = await untilKind(job, 'approval');
  rmSync(join(root, workspace, '.holdfast'), { recursive: true });
  await answer(job, approval, 'approve');
  return await untilKind(job, 'damaged');
}

async function rebuilt(job: { readonly workflowId: string }, question: Asked): Promise<unknown> {
  await answer(job, question, 'rebuild');
  await answer(job, await untilKind(job, 'approval'), 'approve');
  return await temporal.client.workflow.getHandle(job.workflowId).result();
}

function mustBeRefused(workspace: string, { findings }: Asked, why: RegExp): void {
  assert.deepEqual(findings[0]!.answers, ['recheck', 'abort']);
  assert.match(findings[0]!.difference, why);
  assert.equal(existsSync(join(root, workspace, '.holdfast')), false, 'nothing is made');
}

function generationsOf(workspace: string, jobId: string): unknown {
  return ['a', 'b', 'c', 'd'].map((id) => stepRecordsOf(join(root, workspace), jobId, id).map((one) => one.generation));
}

test('an encrypted history tells what is done, to a worker that has its key', async () => {
  const taskQueue = temporal.unique('encrypted');
  const env = { HOLDFAST_ENCRYPTION_KEYS: `k:${Buffer.alloc(32, 7).toString('base64')}` };
  const workflowBundle = await testBundle(undefined, { isEncrypted: true });
  const worker = await startWorker(temporal, { taskQueue, root, workflowBundle, env });
  try {
    await using keyed = await connectHoldfast({ address: temporal.address, namespace: temporal.namespace, env });
    const workflowId = temporal.unique('job');
    await keyed.start(notesPlan('encrypted', STEPS) as never, { workflowId, taskQueue });
    const asked = async (kind: string): Promise<Asked> => {
      await untilTrue(async () => (await keyed.status(workflowId)).questions.some((one) => one.kind === kind));
      return (await keyed.status(workflowId)).questions.find((one) => one.kind === kind)!;
    };
    const { digest } = await asked('approval');
    rmSync(join(root, 'encrypted', '.holdfast'), { recursive: true });
    await keyed.decide(workflowId, { digest, answer: 'approve', ...WHO });
    const question = await asked('damaged');
    assert.match(question.findings[0]!.found.text, /Only Temporal's history has the job: the results of 2 steps/);
    await keyed.decide(workflowId, { digest: question.digest, answer: 'rebuild', ...WHO });
    await keyed.decide(workflowId, { digest: (await asked('approval')).digest, answer: 'approve', ...WHO });
    const { outcome } = await keyed.result(workflowId, { wait: true });
    assert.equal(outcome, 'completed');
    const { jobId } = await keyed.status(workflowId);
    assert.deepEqual(generationsOf('encrypted', jobId), [[0], [0], [1], [0]]);
    assert.ok(!(await storedText(temporal, workflowId)).includes('a.txt'), 'it is encrypted');
  } finally {
    await worker.stop();
  }
});

/** In its second Run or a later one, and the first is removed from the server, as by its retention. */
async function withoutFirstRun(workspace: string, more: object): Promise<WorkflowHandle> {
  const early = Array.from({ length: 6 }, (_, index) => file(`s${index}`, index === 0 ? [] : [`s${index - 1}`]));
  const plan = notesPlan(workspace, [...early, file('c', ['s5'], { approval: 'before-apply' })], more);
  const { workflowId, firstExecutionRunId: runId } = (await startPlan(plan, {
    continueAsNewAfterEvents: 20,
  })) as unknown as { workflowId: string; firstExecutionRunId: string };
  await untilKind({ workflowId }, 'approval');
  const { namespace, connection } = temporal;
  const { workflowService } = connection;
  const execution = { workflowId, runId };
  await workflowService.deleteWorkflowExecution({ namespace, workflowExecution: execution });
  const isGone = async (): Promise<boolean> => {
    const read = workflowService.getWorkflowExecutionHistory({ namespace, execution, maximumPageSize: 1 });
    return await read.then(
      () => false,
      () => true,
    );
  };
  // The server removes it in its own time.
  await untilTrue(isGone, { what: 'the first Run is gone', limitMs: 90_000, everyMs: 500 });
  return temporal.client.workflow.getHandle(workflowId);
}

let gone: WorkflowHandle;
let goneStored: WorkflowHandle;
before(async () => {
  [gone, goneStored] = await Promise.all([withoutFirstRun('gone', {}), withoutFirstRun('gone-stored', STORED)]);
});

test('an earlier Run that is gone: without a store nobody knows what it did, and that is said', async () => {
  const question = await lose(gone, 'gone');
  mustBeRefused('gone', question, /what was done can't be known: The Temporal server does not have Run .* any more/);
  await gone.terminate();
});

test('an earlier Run that is gone: with a store it is made of that, and no step runs again', async () => {
  const { jobId } = await goneStored.query<JobStatus>('status');
  const before = chainOf(join(root, 'gone-stored'), jobId);
  await rebuilt(goneStored, await lose(goneStored, 'gone-stored'));
  const place = before.findLast(({ kind }) => kind === 'checkpoint')!.seq;
  assert.deepEqual(chainOf(join(root, 'gone-stored'), jobId).slice(0, place), before.slice(0, place));
  assert.equal(stepRecordsOf(join(root, 'gone-stored'), jobId, 's0').length, 1);
});

test('a fork: what the other job did is in no history of it, but in its store', async () => {
  const handle = await startPlan(notesPlan('other', STEPS, STORED), { input: {} });
  await untilKind(handle, 'approval');
  const [, afterA] = await checkpointsIn(join(root, 'other'));
  const made = await forkJob(join(root, 'other'), { at: afterA!.seq, workspace: join(root, 'forked'), ...WHO });
  const fork = await client.startFork(made.fork);
  await untilKind(fork, 'approval');
  const { jobId } = await client.status(fork.workflowId);
  renameSync(join(root, 'stored'), join(root, 'stored-away'));
  const question = await lose(fork, 'forked');
  mustBeRefused('forked', question, /records up to \d+ are those of the job that it was forked from/);
  renameSync(join(root, 'stored-away'), join(root, 'stored'));
  await answer(fork, question, 'recheck');
  const offered = await untilStatus(temporal.client.workflow.getHandle(fork.workflowId), ({ questions }) =>
    questions.some(({ findings }) => findings[0]!.answers.includes('rebuild')),
  );
  await rebuilt(fork, offered.questions[0]!);
  assert.deepEqual(generationsOf('forked', jobId), [[0], [0], [1], [0]]);
  assert.equal(readFileSync(join(root, 'forked', 'd.txt'), 'utf8'), 'd');
  await handle.terminate();
});

test('a job that was started from its store: what was done before is in the store alone', async () => {
  const { workflowId } = await startPlan(notesPlan('resumed', STEPS, STORED));
  await untilKind({ workflowId }, 'approval');
  await temporal.client.workflow.getHandle(workflowId).terminate();
  const { jobId } = await client.resume({ from: `${root}/stored/${workflowId}`, ...WHO });
  await untilKind({ workflowId }, 'approval');
  renameSync(join(root, 'stored'), join(root, 'stored-away'));
  const question = await lose({ workflowId }, 'resumed');
  mustBeRefused('resumed', question, /records up to \d+ are from before this start of its Workflow/);
  renameSync(join(root, 'stored-away'), join(root, 'stored'));
  await answer({ workflowId }, question, 'recheck');
  const handle = temporal.client.workflow.getHandle(workflowId);
  const isOffered = ({ questions }: JobStatus): boolean =>
    questions.some(({ findings }) => findings[0]!.answers.includes('rebuild'));
  const { questions } = await untilStatus(handle, isOffered);
  await rebuilt({ workflowId }, questions[0]!);
  assert.deepEqual(generationsOf('resumed', jobId), [[0], [0], [1], [0]]);
});

test('a job that had ended and went back is made anew from its store', async () => {
  const { workflowId } = await startPlan(notesPlan('reopened', STEPS, STORED));
  await answer({ workflowId }, await untilKind({ workflowId }, 'approval'), 'approve');
  await temporal.client.workflow.getHandle(workflowId).result();
  const [, afterA] = await checkpointsIn(join(root, 'reopened'));
  await client.rewind(workflowId, { to: afterA!.seq, ...WHO });
  const question = await lose({ workflowId }, 'reopened');
  assert.ok(question.findings[0]!.answers.includes('rebuild'), question.findings[0]!.difference);
  await rebuilt({ workflowId }, question);
  assert.equal(readFileSync(join(root, 'reopened', 'd.txt'), 'utf8'), 'd');
});
