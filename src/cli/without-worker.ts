/** What is asked of a job is carried out by a worker: where none is there, whoever asks is told. */
import { laterText, noneText } from '../model/job/worker-wait.ts';
import { workerCommand } from '../model/worker-command.ts';
import type { QueuePollers } from '../client.ts';
import type { Context } from './command.ts';

/** @param what is done when one is there: `the job ends` */
export async function warnWithoutWorker<Options>(context: Context<Options>, job: string, what: string): Promise<void> {
  const client = await context.client();
  const { taskQueue, state, version } = await client.describe(job);
  if (state !== 'running' && state !== 'waiting') return;
  const { isPolled, workflow } = await client.workers(taskQueue);
  if (isPolled) return;
  // Of a job whose key is not here, nobody can tell.
  const workspace = await client.workspaceOf(job).catch(() => undefined);
  const none = noneText(taskQueue, workflow.length > 0);
  context.terminal.err(`${laterText(what, none, { taskQueue }, { workflowId: job, workspace, version })}\n`);
}

/** Of a job that is started. @returns who takes its Task Queue's work */
export async function warnUnpolled<Options>(context: Context<Options>, taskQueue: string): Promise<QueuePollers> {
  const client = await context.client();
  const pollers = await client.workers(taskQueue);
  if (!pollers.isPolled)
    context.terminal.err(
      `No worker is running on Task Queue ${taskQueue}; the job waits for one. ` +
        `Start one: ${workerCommand(taskQueue)}\n`,
    );
  return pollers;
}
