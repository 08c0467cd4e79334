/** Waiting for a job to show something, with a bound. */
import type { WorkflowHandle } from '@temporalio/client';
import type { JobStatus } from '../../src/model/job/status.ts';

/** @throws Error with the last status after 20 s */
export async function until(
  handle: Pick<WorkflowHandle, 'query'>,
  holds: (status: JobStatus) => boolean,
  limitMs = 20_000,
): Promise<JobStatus> {
  let status: JobStatus | undefined;
  for (const end = Date.now() + limitMs; Date.now() < end;) {
    status = await handle.query<JobStatus>('status');
    if (holds(status)) return status;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`It did not come about within ${limitMs} ms: ${JSON.stringify(status, null, 1).slice(0, 3_000)}`);
}
