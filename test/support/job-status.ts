/** What a job's own Query `status` shows. */
import type { WorkflowHandle } from '@temporalio/client';
import type { JobStatus } from '../../src/model/job/status.ts';
import { until } from './until.ts';

type Queried = Pick<WorkflowHandle, 'query'>;

export async function statusOf(handle: Queried): Promise<JobStatus> {
  return await handle.query<JobStatus>('status');
}

/** The status as soon as it holds. */
export async function untilStatus(
  handle: Queried,
  holds: (status: JobStatus) => boolean,
  limitMs?: number,
): Promise<JobStatus> {
  return await until(() => statusOf(handle), holds, limitMs === undefined ? {} : { limitMs });
}

/** The first open question. */
export async function untilAsked(handle: Queried, limitMs?: number): Promise<JobStatus['questions'][number]> {
  return (await untilStatus(handle, ({ questions }) => questions.length > 0, limitMs)).questions[0]!;
}
