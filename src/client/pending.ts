/** What the server knows of a job's Activities that have not ended, and the Workflow can't know. */
import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { LoadedDataConverter } from '@temporalio/common';
import type { JobStatus } from '../model/job/status.ts';
import { progressOf } from './progress.ts';
import { retryingOf } from './retrying.ts';

/** @throws HoldfastError `missing-key`, `wrong-key` */
export async function pendingOf(
  raw: WorkflowExecutionDescription['raw'],
  converter: LoadedDataConverter,
): Promise<Pick<JobStatus, 'retrying' | 'progress'>> {
  const [retrying, progress] = await Promise.all([retryingOf(raw, converter), progressOf(raw, converter)]);
  return { ...(retrying.length > 0 && { retrying }), ...(progress.length > 0 && { progress }) };
}
