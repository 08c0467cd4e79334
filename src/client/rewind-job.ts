/** A rewind as an Update: refused before it changes anything, answered when it has been carried out. */
import { HoldfastError, isFailure } from '../model/failure.ts';
import { endedJob } from '../model/job/ended-job.ts';
import { usableRewind, type Rewind } from '../model/job/rewind.ts';
import { shellWord } from '../model/shell-word.ts';
import { rewindUpdate, type RewindAnswer } from '../workflows/messages.ts';
import { hasEnded, listedJob } from './job-listing.ts';
import type { ServerCalls } from './server-calls.ts';

export type { RewindAnswer } from '../workflows/messages.ts';

/** @throws HoldfastError `bad-input`: malformed, or the job has ended; `decision-refused`, `not-found`, `no-worker` */
export async function rewindJob(server: ServerCalls, workflowId: string, given: Rewind): Promise<RewindAnswer> {
  const rewind = usableRewind(given);
  const { state } = listedJob(await server.describe(workflowId));
  if (hasEnded(state)) throw endedJob(workflowId, state);
  try {
    return await server.call(workflowId, () =>
      server.handle(workflowId).executeUpdate(rewindUpdate, { args: [rewind] }),
    );
  } catch (error) {
    if (!isFailure(error, 'decision-refused')) throw error;
    const { to } = rewind;
    const how = to === undefined ? '--undo' : `--to ${to}`;
    const preview = `holdfast rewind ${shellWord(workflowId)} ${how} --dry-run`;
    const nextStep = `Put right what the message names; what would be done: ${preview}`;
    throw new HoldfastError('decision-refused', error.message, { workflowId, nextStep }, { cause: error });
  }
}
