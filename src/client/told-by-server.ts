/** What the server knows of a running job and its Workflow doesn't, added to the Workflow's own status. */
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { defined } from '../model/defined.ts';
import type { ActivityProgress, ItemsStatus, JobStatus } from '../model/job/status.ts';
import type { CallingServer } from './calling-server.ts';
import { pendingOf } from './pending.ts';
import { withStates } from './sub-plan-states.ts';
import { activityWait } from './worker-wait.ts';

/** @throws HoldfastError `missing-key`, `wrong-key`, `server-unreachable` */
export async function withWhatTheServerTells(
  server: CallingServer,
  status: JobStatus,
  described: WorkflowExecutionDescription,
): Promise<JobStatus> {
  const { waitsForWorker: told, items, subPlans: running, ...known } = status;
  const converter = server.client.options.loadedDataConverter;
  const [pending, waitsForWorker] = await server.call(
    status.workflowId,
    async () => await Promise.all([pendingOf(described.raw, converter), activityWait(server, described, told)]),
  );
  const counted = items?.map((one) => withDone(one, pending.progress ?? []));
  const subPlans = running && (await withStates(server, running));
  return { ...known, ...pending, ...defined({ items: counted, waitsForWorker, subPlans }) };
}

/** Within an activity each item is a sub-step of it. */
function withDone(items: ItemsStatus, progress: readonly ActivityProgress[]): ItemsStatus {
  if (items.done !== undefined) return items;
  const said = progress.find(({ stepId }) => stepId === items.stepId);
  return { ...items, ...defined({ done: said?.subSteps?.done }) };
}
