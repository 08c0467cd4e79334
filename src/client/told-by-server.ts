/** What the server knows of a running job and its Workflow doesn't, added to the Workflow's own status. */
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { defined } from '../model/defined.ts';
import type { JobStatus } from '../model/job/status.ts';
import type { CallingServer } from './calling-server.ts';
import { pendingOf } from './pending.ts';
import { activityWait } from './worker-wait.ts';

/** @throws HoldfastError `missing-key`, `wrong-key`, `server-unreachable` */
export async function withWhatTheServerTells(
  server: CallingServer,
  status: JobStatus,
  described: WorkflowExecutionDescription,
): Promise<JobStatus> {
  const { waitsForWorker: told, ...known } = status;
  const converter = server.client.options.loadedDataConverter;
  const [pending, waitsForWorker] = await server.call(
    status.workflowId,
    async () => await Promise.all([pendingOf(described.raw, converter), activityWait(server, described, told)]),
  );
  return { ...known, ...pending, ...defined({ waitsForWorker }) };
}
