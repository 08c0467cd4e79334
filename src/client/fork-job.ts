/**
 * Starts the job of a fork whose folder is made: the same Workflow type with the same arguments, and what it begins
 * with.
 */
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import { HoldfastError, isFailure } from '../model/failure.ts';
import { FORK_FIELD, ForkSchema, type Fork } from '../model/job/fork.ts';
import { handedIn, isOwnArgument } from '../model/job/own-arguments.ts';
import { issuesText } from '../model/issues-text.ts';
import { refuseUnknownOptions, type OptionNames } from '../model/options.ts';
import { runStart, type RunStart } from './run-start.ts';
import { forkDetails } from './static-details.ts';
import type { ServerCalls } from './server-calls.ts';

/** How a fork is started. */
export interface StartForkOptions {
  /** What started the other job, where its record says so and the server has forgotten it. Default: its history. */
  readonly startedWith?: { readonly type: string; readonly args: readonly unknown[] };
  /** Default: that of the other job, where the server knows it; else the client's. */
  readonly taskQueue?: string;
}

/** A fork that was started. It may not have a worker yet. */
export interface StartedFork {
  /** What every other call names the fork by. */
  readonly workflowId: string;
  /** The first Run; later ones have other ids. */
  readonly runId: string;
  /** The Task Queue on which it waits for a worker. */
  readonly taskQueue: string;
  /** The folder that was made for it. */
  readonly workspace: string;
  /** The job that it was made of, and the number of the checkpoint. */
  readonly from: { readonly workflowId: string; readonly seq: number };
}

const NAMES: OptionNames<StartForkOptions> = { startedWith: true, taskQueue: true };

interface Beginning {
  readonly type: string;
  readonly args: readonly unknown[];
  readonly taskQueue: string | undefined;
  readonly summary: string | undefined;
}

/** Safe to repeat: a fork that has been started is found. @throws HoldfastError `bad-input`, `not-found`, … */
export async function startFork(
  server: ServerCalls,
  given: Fork,
  options: StartForkOptions & { readonly queue: string },
): Promise<StartedFork> {
  const { queue, ...asked } = options;
  refuseUnknownOptions('client.startFork', asked, NAMES);
  const parsed = ForkSchema.safeParse(given);
  if (!parsed.success)
    throw new HoldfastError('bad-input', `This is no fork: ${issuesText(parsed.error.issues)}.`, {
      nextStep: 'Give what forkJob of holdfast/changes has returned.',
    });
  const fork = parsed.data;
  const { workflowId, workspace, from } = fork;
  const { type, args, summary, ...known } = await beginningOf(server, fork, options);
  const taskQueue = options.taskQueue ?? known.taskQueue ?? queue;
  const runId = await orFound(server, fork, () =>
    server.client.workflow
      .start(type, {
        workflowId,
        taskQueue,
        args: [...args, { [FORK_FIELD]: fork }],
        workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
        workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
        ...forkDetails(fork, summary),
      })
      .then(({ firstExecutionRunId }) => firstExecutionRunId),
  );
  return { workflowId, runId, taskQueue, workspace, from: { workflowId: from.workflowId, seq: from.seq } };
}

/** Whoever did not hear of the start sends it again. */
async function orFound(server: ServerCalls, fork: Fork, start: () => Promise<string>): Promise<string> {
  const { workflowId, workspace } = fork;
  try {
    return await server.call(workflowId, start);
  } catch (error) {
    if (!isFailure(error, 'already-started')) throw error;
    const { args, firstRunId = '' } = await startOf(server, workflowId);
    const there = handedIn(args.at(-1));
    if (there?.workspace === workspace && there.from?.head === fork.from.head) return firstRunId;
    throw error;
  }
}

async function beginningOf(server: ServerCalls, { from }: Fork, options: StartForkOptions): Promise<Beginning> {
  try {
    const [started, described] = await Promise.all([
      startOf(server, from.workflowId),
      server.describe(from.workflowId),
    ]);
    const { type, args } = started;
    return { type, args: args.filter((arg) => !isOwnArgument(arg)), ...queueOf(described), summary: started.summary };
  } catch (error) {
    if (!isFailure(error, 'not-found')) throw error;
    if (options.startedWith !== undefined) return { ...options.startedWith, taskQueue: undefined, summary: undefined };
    throw new HoldfastError(
      'not-found',
      `The server at ${server.address} does not know ${from.workflowId}, and its record does not say what started ` +
        'it: a fork is started with the same.',
      {
        workflowId: from.workflowId,
        nextStep:
          'Connect to the server that has its history. A job with a store of checkpoints has it in its record, too.',
      },
      { cause: error },
    );
  }
}

function queueOf({ taskQueue }: WorkflowExecutionDescription): Pick<Beginning, 'taskQueue'> {
  return { taskQueue };
}

/** The beginning of a Workflow's latest Run. */
async function startOf(server: ServerCalls, workflowId: string): Promise<RunStart> {
  const started = await runStart(server, workflowId);
  if (started !== undefined) return started;
  throw new HoldfastError('not-found', `The history of ${workflowId} does not say what started it.`, { workflowId });
}
