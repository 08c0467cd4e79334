/**
 * The job of a sub-plan, a Child Workflow of the job around it: started once, and waited for to its end.
 *
 * Invariants
 * 1. Its Workflow id is never taken twice. A Run that finds it taken goes on with the job that is there.
 * 2. It has ended before its step has, however that ends: nothing of it runs on beside what follows.
 */
import {
  CancellationScope,
  ChildWorkflowCancellationType,
  getExternalWorkflowHandle,
  ParentClosePolicy,
  sleep,
  startChild,
  WorkflowIdReusePolicy,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { Json } from '../../model/canonical-json.ts';
import type { SubPlanOutcome } from '../../model/job/sub-plan.ts';
import type { Abort } from '../../model/question/decision.ts';
import { callSubPlanOutcome } from '../activities.ts';
import type { AgentJobInput } from '../guarded-job.ts';
import { abortSignal } from '../messages.ts';
import { failedSubJob } from './failed-sub-job.ts';
import type { JobParts } from './parts.ts';

const FIRST_LOOK_MS = 1_000;
const MAX_LOOK_MS = 30_000;
const MAX_SUMMARY_CHARACTERS = 180;

export interface SubJobStart {
  readonly workflowId: string;
  readonly stepId: string;
  readonly name: string;
  readonly given: AgentJobInput;
}

export interface SubJob {
  /** Never rejects. */
  readonly outcome: Promise<SubPlanOutcome>;
  /** As a person would: it ends, and is undone where that is wanted. */
  abort(abort: Abort): Promise<void>;
  /** As Temporal would. */
  cancel(): Promise<void>;
}

/** In a scope that is not cancelled: whoever calls it sees to the end of the job. */
export async function startSubJob(parts: JobParts, start: SubJobStart): Promise<SubJob> {
  const scope = new CancellationScope();
  try {
    const handle = await scope.run(() =>
      startChild('agentJob', {
        workflowId: start.workflowId,
        args: [start.given],
        workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
        // Whatever ends the Workflow around it, be it a terminate: its steps end, and it gives its workspace back.
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
        cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        staticSummary: `${start.name}: the sub-plan of ${start.stepId}`.slice(0, MAX_SUMMARY_CHARACTERS),
      }),
    );
    return {
      outcome: handle.result().then(completed, failedSubJob),
      abort: async (abort) => await unlessEnded(handle.signal(abortSignal, abort)),
      cancel: async () => await Promise.resolve(scope.cancel()),
    };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return startedBefore(parts, start);
  }
}

/** By an earlier Run of this job, before a reset. */
function startedBefore(parts: JobParts, start: SubJobStart): SubJob {
  const handle = getExternalWorkflowHandle(start.workflowId);
  return {
    outcome: outcomeOf(parts, start).catch(failedSubJob),
    abort: async (abort) => await unlessEnded(handle.signal(abortSignal, abort)),
    cancel: async () => await unlessEnded(handle.cancel()),
  };
}

async function outcomeOf({ identity, watch }: JobParts, { workflowId, stepId }: SubJobStart): Promise<SubPlanOutcome> {
  const request = { jobId: identity.jobId, stepId, subJob: workflowId };
  for (let pauseMs = FIRST_LOOK_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_LOOK_MS)) {
    const outcome = await watch.untilTaken(
      { activity: 'subPlanOutcome', stepId },
      (withinMs) => callSubPlanOutcome(request, withinMs),
      { of: stepId },
    );
    if (outcome.kind !== 'running') return outcome;
    await sleep(pauseMs, { summary: `job ${workflowId} is running` });
  }
}

/** What has ended can't be told anything, and need not be. */
async function unlessEnded(told: Promise<unknown>): Promise<void> {
  await told.catch(() => undefined);
}

function completed(result: unknown): SubPlanOutcome {
  return { kind: 'completed', result: result as Json };
}
