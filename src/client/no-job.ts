/** A Workflow that can't be asked as a job: it has not opened one. */
import { HoldfastError } from '../model/failure.ts';
import type { ListedJob } from './job-listing.ts';

/** A Workflow that has no part in Holdfast, or has not come to its `openJob` yet. */
export function isNoJobYet(error: unknown): boolean {
  return error instanceof HoldfastError && error.details['isJob'] === false;
}

export function noJobYet({ workflowId, type }: ListedJob, cause: unknown): HoldfastError {
  const message = `${workflowId} is a Workflow of type ${type} that has not opened a job of Holdfast.`;
  const nextStep = 'Check the name (`holdfast list` shows the jobs), or ask again when its code has called `openJob`.';
  return new HoldfastError('not-found', message, { workflowId, isJob: false, nextStep }, { cause });
}
