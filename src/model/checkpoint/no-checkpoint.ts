/** What is said of a checkpoint that a job does not have. */
import { HoldfastError } from '../failure.ts';

/** How many checkpoints an error names. */
const MAX_NAMED = 20;

/** @param all the numbers of those that there are, in order; at: the one that is asked for; undefined: the latest */
export function noCheckpoint(workflowId: string, all: readonly number[], at: number | undefined): HoldfastError {
  const newest = [...all].reverse();
  const known = newest.slice(0, MAX_NAMED).join(', ');
  const more = newest.length > MAX_NAMED ? `, and ${newest.length - MAX_NAMED} earlier ones` : '';
  const has =
    newest.length === 0
      ? 'it has none: a job has its first one with its first step'
      : `its checkpoints are, newest first, ${known}${more}`;
  const what = at === undefined ? `Job ${workflowId} has no checkpoint` : `Job ${workflowId} has no checkpoint ${at}`;
  return new HoldfastError('not-found', `${what}: ${has}.`, { checkpoints: newest });
}
