/** What the job of a sub-plan has come to, asked of the server. */
import {
  CancelledFailure,
  ServiceError,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowFailedError,
  WorkflowNotFoundError,
  type Client,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { Json } from '../model/canonical-json.ts';
import { HoldfastError } from '../model/failure.ts';
import type { SubPlanOutcome, SubPlanOutcomeRequest } from '../model/job/sub-plan.ts';

/** Safe to repeat; changes nothing. @throws HoldfastError `server-unreachable`, and for a payload that can't be read */
export async function subPlanOutcome(client: Client, { subJob }: SubPlanOutcomeRequest): Promise<SubPlanOutcome> {
  const handle = client.workflow.getHandle(subJob);
  try {
    const { status } = await handle.describe();
    if (status.name === 'RUNNING') return { kind: 'running' };
    return { kind: 'completed', result: (await handle.result()) as Json };
  } catch (error) {
    if (error instanceof WorkflowFailedError) return failedWith(error.cause ?? error);
    if (error instanceof WorkflowNotFoundError)
      return { kind: 'failed', type: 'not-found', message: 'the server knows no such job any more' };
    if (!(error instanceof ServiceError)) throw error;
    const message = `The Temporal server did not say what became of job ${subJob}: ${error.message}.`;
    throw new HoldfastError('server-unreachable', message, { workflowId: subJob }, { cause: error });
  }
}

function failedWith(cause: Error): SubPlanOutcome {
  return { kind: 'failed', type: typeOf(cause), message: cause.message };
}

function typeOf(cause: Error): string {
  if (cause instanceof CancelledFailure) return 'cancelled';
  if (cause instanceof TerminatedFailure) return 'terminated';
  if (cause instanceof TimeoutFailure) return 'timed-out';
  return cause instanceof ApplicationFailure ? (cause.type ?? 'Error') : cause.name;
}
