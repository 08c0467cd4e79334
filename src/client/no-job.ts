/** A Workflow that can't be asked as a job: it has not opened one. */
import { HoldfastError } from '../model/failure.ts';
import { shellWord } from '../model/shell-word.ts';
import type { ListedJob } from './job-listing.ts';

/** A Workflow that has no part in Holdfast, or has not come to its `openJob` yet. */
export function isNoJobYet(error: unknown): boolean {
  return error instanceof HoldfastError && error.details['isJob'] === false;
}

export function noJobYet({ workflowId, type, endedAt, state }: ListedJob, cause: unknown): HoldfastError {
  const said =
    endedAt === undefined
      ? {
          message: `${workflowId} is a Workflow of type ${type} that has not opened a job of Holdfast.`,
          nextStep: 'Check the name (`holdfast list` shows the jobs), or ask again when its code has called `openJob`.',
        }
      : {
          message: `${workflowId}, a Workflow of type ${type}, has ended (${state}) without opening a job of Holdfast.`,
          nextStep: `See how it ended: holdfast result ${shellWord(workflowId)}`,
        };
  const details = { workflowId, isJob: false, nextStep: said.nextStep };
  return new HoldfastError('not-found', said.message, details, { cause });
}
