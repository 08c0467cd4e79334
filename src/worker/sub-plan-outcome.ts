/** What the job of a sub-plan has come to, asked of the server. */
import { ServiceError, WorkflowFailedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { Json } from '../model/canonical-json.ts';
import { HoldfastError } from '../model/failure.ts';
import type { SubPlanOutcome, SubPlanOutcomeRequest } from '../model/job/sub-plan.ts';
import { failedSubJob } from '../workflows/job/failed-sub-job.ts';

/** Safe to repeat; changes nothing. @throws HoldfastError `server-unreachable`, and for a payload that can't be read */
export async function subPlanOutcome(client: Client, { subJob }: SubPlanOutcomeRequest): Promise<SubPlanOutcome> {
  const handle = client.workflow.getHandle(subJob);
  try {
    const { status } = await handle.describe();
    if (status.name === 'RUNNING') return { kind: 'running' };
    return { kind: 'completed', result: (await handle.result()) as Json };
  } catch (error) {
    if (error instanceof WorkflowFailedError) return failedSubJob(error.cause ?? error);
    if (error instanceof WorkflowNotFoundError)
      return { kind: 'failed', type: 'not-found', message: 'the server knows no such job any more' };
    if (!(error instanceof ServiceError)) throw error;
    const message = `The Temporal server did not say what became of job ${subJob}: ${error.message}.`;
    throw new HoldfastError('server-unreachable', message, { workflowId: subJob }, { cause: error });
  }
}
