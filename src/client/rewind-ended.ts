/**
 * A job that has ended goes back: its Workflow is started again under the same id, with the arguments that it was
 * started with, and one more that says what to go back to. So the server has it before anything is done, with a worker
 * or without; the worker opens the record again, compares the world, and takes back what lies after the checkpoint.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure, WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import type { JobStatus } from '../model/job/status.ts';
import { defined } from '../model/defined.ts';
import { HoldfastError, isFailure } from '../model/failure.ts';
import { RESUME_FIELD, type Resume } from '../model/job/resume.ts';
import type { Rewind, RewindAnswer } from '../model/job/rewind.ts';
import { handedIn, isOwnArgument } from '../model/job/own-arguments.ts';
import { isAboutTheWorld } from '../model/question/question.ts';
import { jobIdOf } from '../model/record/token.ts';
import { statusQuery } from '../workflows/messages.ts';
import { hasEnded, listedJob } from './job-listing.ts';
import { isNoJobYet } from './no-job.ts';
import { runStart } from './run-start.ts';
import type { ServerCalls } from './server-calls.ts';
import { fittingPollers } from './task-queue.ts';

const LOOK_EVERY_MS = 200;
/** So long what is taken back is waited for; the job goes on with it all the same. */
const MAX_WAIT_MS = 10 * 60_000;
/** A Run's start, and the Workflow Task that is scheduled with it. */
const EVENTS_UNTIL_TAKEN = 2;
/** A worker that is there takes it at once. */
const TAKEN_WITHIN_MS = 4_000;
/** What a job was started with, and which one it is. */
interface Begun extends Pick<Resume, 'jobId' | 'workspace' | 'databases' | 'store'> {
  readonly type: string;
  readonly args: readonly unknown[];
}

/** @throws HoldfastError `decision-refused`, `not-found`, `already-started`, `server-unreachable` */
export async function rewindEnded(
  server: ServerCalls,
  workflowId: string,
  { by, reason, ...rewind }: Rewind,
): Promise<RewindAnswer> {
  const { runId, taskQueue } = listedJob(await server.describe(workflowId));
  const { type, args, ...which } = await begunWith(server, workflowId, runId);
  const resume: Resume = { workflowId, ...which, rewind, by, reason };
  const what = rewind.to === undefined ? 'undoes its latest rewind' : `goes back to checkpoint ${rewind.to}`;
  const handle = await server.call(workflowId, () =>
    server.client.workflow.start(type, {
      workflowId,
      taskQueue,
      args: [...args, { [RESUME_FIELD]: resume }],
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
      staticSummary: `had ended, and ${what}`,
    }),
  );
  const started = { to: rewind.to ?? 0, runsAgain: [], done: [], runId: handle.firstExecutionRunId };
  return { ...started, ...(await untilWentBack(server, handle, started.runId)) };
}

/** From the history of its latest Run: the server has it as long as it has the job. */
async function begunWith(server: ServerCalls, workflowId: string, runId: string): Promise<Begun> {
  const started = await runStart(server, workflowId, runId);
  if (started === undefined)
    throw new HoldfastError('not-found', `The server no longer has what job ${workflowId} was started with.`, {
      workflowId,
      nextStep: 'Where its checkpoints are kept in a store: holdfast resume --from STORE/JOB, then rewind it.',
    });
  const { type, args, firstRunId = runId } = started;
  const { jobId = jobIdOf(workflowId, firstRunId), workspace, databases, store } = handedIn(args.at(-1)) ?? {};
  const own = args.filter((arg) => !isOwnArgument(arg));
  return { type, args: own, jobId, ...defined({ workspace, databases, store }) };
}

/** What came of it, as far as it goes on without a person, and a worker is there. */
async function untilWentBack(
  server: ServerCalls,
  handle: WorkflowHandle,
  runId: string,
): Promise<Partial<RewindAnswer>> {
  const { workflowId } = handle;
  for (const endMs = performance.now() + MAX_WAIT_MS; performance.now() < endMs; await delay(LOOK_EVERY_MS)) {
    const described = await server.describe(workflowId);
    const { state, taskQueue, version } = listedJob(described);
    const { historyLength } = described;
    if (hasEnded(state)) await mustNotBeRefused(server, workflowId, runId);
    const { pollers } = await server.queue(taskQueue);
    const isPolled = fittingPollers(pollers, version).workflow.length > 0;
    // The server lists a worker for a while after it has gone.
    const isLeft = historyLength <= EVENTS_UNTIL_TAKEN && performance.now() > endMs - MAX_WAIT_MS + TAKEN_WITHIN_MS;
    if (!isPolled || isLeft) return { waitsFor: 'worker' };
    const status = await statusOf(server, workflowId);
    if (status?.wentBack !== undefined) return status.wentBack;
    if (status?.questions.some(isAboutTheWorld) === true) return { waitsFor: 'decision' };
    if (hasEnded(state)) return {};
  }
  return {};
}

/** Undefined: it has not begun yet. */
async function statusOf(server: ServerCalls, workflowId: string): Promise<JobStatus | undefined> {
  try {
    return await server.query(workflowId, (one) => one.query(statusQuery));
  } catch (error) {
    if (isNoJobYet(error) || isFailure(error, 'no-worker')) return undefined;
    throw error;
  }
}

/** @throws HoldfastError `decision-refused` */
async function mustNotBeRefused(server: ServerCalls, workflowId: string, runId: string): Promise<void> {
  try {
    await server.client.workflow.getHandle(workflowId, runId, { followRuns: false }).result();
  } catch (error) {
    let cause: unknown = error instanceof WorkflowFailedError ? error.cause : undefined;
    while (cause instanceof Error && !(cause instanceof ApplicationFailure)) cause = cause.cause;
    if (!(cause instanceof ApplicationFailure) || cause.type !== 'decision-refused') return;
    throw new HoldfastError('decision-refused', `${cause.message} Its files and rows are as they were.`, {
      workflowId,
    });
  }
}
