/** A job's state and checkpoints, asked of its Workflow: for whoever has no workspace at hand. */
import { StateAnswerSchema, CheckpointsAnswerSchema } from '../model/job/checkpoint-answers.ts';
import type { ToldCheckpoints, ToldState } from '../model/job/checkpoint-answers.ts';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import { refuseUnknownOptions } from '../model/options.ts';
import { shellWord } from '../model/shell-word.ts';
import { checkpointsQuery, stateQuery, statusQuery } from '../workflows/messages.ts';
import { isNoJobYet } from './no-job.ts';
import type { ServerCalls } from './server-calls.ts';

/** Which state of a job is asked for. */
export interface AskedState {
  /** The number of a checkpoint. Default: now. */
  readonly at?: number;
}

/** @throws HoldfastError as `HoldfastClient.state` */
export async function stateOfJob(server: ServerCalls, workflowId: string, asked: AskedState): Promise<ToldState> {
  refuseUnknownOptions('client.state', asked, { at: true });
  const { at } = asked;
  if (at !== undefined && !(Number.isSafeInteger(at) && at > 0))
    throw new HoldfastError('bad-input', `client.state was given at: ${String(at)}; expected a checkpoint's number.`);
  const answered = await ask(server, workflowId, (handle) => handle.query(stateQuery, defined({ at })));
  const answer = StateAnswerSchema.parse(answered);
  if (answer.kind === 'state') return answer.state;
  const { workspace } = answer;
  const command = `holdfast state ${shellWord(workspace)}${at === undefined ? '' : ` --at ${at}`}`;
  const details = { workflowId, workspace, nextStep: `On the host of the workspace: ${command}` };
  if (answer.kind === 'too-large')
    throw new HoldfastError(
      'too-large',
      `The state of job ${workflowId} has ${answer.sizeBytes} bytes: more than a Query can answer.`,
      { ...details, sizeBytes: answer.sizeBytes },
    );
  const { known } = answer;
  const knows = known.length === 0 ? 'none that the record has' : known.join(', ');
  throw new HoldfastError(
    'not-found',
    `The Workflow of job ${workflowId} knows no checkpoint ${at}; it knows, newest first, ${knows}. It remembers at ` +
      'most the latest 100 of its present Run; the record in the workspace has all.',
    { ...details, checkpoints: known },
  );
}

/** @throws HoldfastError as `HoldfastClient.checkpoints` */
export async function checkpointsOfJob(server: ServerCalls, workflowId: string): Promise<ToldCheckpoints> {
  return CheckpointsAnswerSchema.parse(await ask(server, workflowId, (handle) => handle.query(checkpointsQuery)));
}

type Send<T> = Parameters<typeof ServerCalls.prototype.query<T>>[1];

async function ask<T>(server: ServerCalls, workflowId: string, send: Send<T>): Promise<T> {
  try {
    return await server.query(workflowId, send);
  } catch (error) {
    if (!isNoJobYet(error)) throw error;
    // What answers for its status is a job: only its worker does not know this Query.
    await server.query(workflowId, (handle) => handle.query(statusQuery));
    throw new HoldfastError(
      'not-found',
      `Job ${workflowId} runs on a worker of an earlier version, which tells nothing of its checkpoints.`,
      {
        workflowId,
        nextStep:
          'Read them from the record, on the host of the workspace (holdfast state WORKSPACE), or ask again once its ' +
          'workers are of this version.',
      },
      { cause: error },
    );
  }
}
