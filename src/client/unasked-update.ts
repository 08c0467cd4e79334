/** A rewind or an edit as an Update: refused before it changes anything, answered when it has been carried out. */
import type { UpdateDefinition } from '@temporalio/common';
import { HoldfastError, isFailure } from '../model/failure.ts';
import { parseEdit, type Edit, type EditPreview } from '../model/job/edit.ts';
import { endedJob } from '../model/job/ended-job.ts';
import { usableRewind, type Rewind } from '../model/job/rewind.ts';
import type { Parsed } from '../model/parsed.ts';
import { shellWord } from '../model/shell-word.ts';
import {
  previewEditQuery,
  rewindUpdate,
  updateStateUpdate,
  type EditAnswer,
  type RewindAnswer,
} from '../workflows/messages.ts';
import { hasEnded, listedJob } from './job-listing.ts';
import { rewindEnded } from './rewind-ended.ts';
import type { ServerCalls } from './server-calls.ts';

/**
 * Of a job that has ended by a new Run.
 * @throws HoldfastError `bad-input`: malformed; `decision-refused`, `not-found`, `no-worker`
 */
export async function rewindJob(server: ServerCalls, workflowId: string, given: Rewind): Promise<RewindAnswer> {
  const rewind = usableRewind(given);
  if (hasEnded(listedJob(await server.describe(workflowId)).state))
    return await rewindEnded(server, workflowId, rewind);
  const how = rewind.to === undefined ? '--undo' : `--to ${rewind.to}`;
  const preview = `what would be done: holdfast rewind ${shellWord(workflowId)} ${how} --dry-run`;
  return await sent(server, workflowId, { update: rewindUpdate, asked: rewind, preview });
}

/** @throws HoldfastError `bad-input`: malformed, or the job has ended; and as `rewindJob` */
export async function editJob(server: ServerCalls, workflowId: string, given: Edit): Promise<EditAnswer> {
  const edit = wellFormed(parseEdit(given), 'The state cannot be updated so');
  const preview = `the state of now: holdfast state ${shellWord(workflowId)}`;
  return await sent(server, workflowId, { update: updateStateUpdate, asked: edit, preview });
}

/** Changes nothing. @throws HoldfastError `bad-input`, `not-found`, `no-worker` */
export async function previewEdit(server: ServerCalls, workflowId: string, given: Edit): Promise<EditPreview> {
  const edit = wellFormed(parseEdit(given), 'The state cannot be updated so');
  return await server.call(workflowId, () => server.handle(workflowId).query(previewEditQuery, edit));
}

function wellFormed<T>(parsed: Parsed<T>, notSo: string): T {
  if ('value' in parsed) return parsed.value;
  const { problems } = parsed;
  throw new HoldfastError('bad-input', `${notSo}: ${problems.join('; ')}.`, { problems });
}

interface Asked<A, Answer> {
  readonly update: UpdateDefinition<Answer, [unknown]>;
  readonly asked: A;
  /** The command that shows more. */
  readonly preview: string;
}

async function sent<A, Answer>(
  server: ServerCalls,
  workflowId: string,
  { update, asked, preview }: Asked<A, Answer>,
): Promise<Answer> {
  const { state } = listedJob(await server.describe(workflowId));
  if (hasEnded(state)) throw endedJob(workflowId, state);
  try {
    return await server.call(workflowId, () => server.handle(workflowId).executeUpdate(update, { args: [asked] }));
  } catch (error) {
    if (!isFailure(error, 'decision-refused')) throw error;
    const nextStep = `Put right what the message names; ${preview}`;
    throw new HoldfastError('decision-refused', error.message, { workflowId, nextStep }, { cause: error });
  }
}
