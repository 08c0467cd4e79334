/**
 * A module of interceptors of the Workflows' bundle: where a tracer of the program's own has begun a span for the
 * Workflow or one of its requests, the span gets a name that a person reads.
 *
 * Invariant: nothing is awaited and no promise is put between, so that the Workflow does the same with a tracer and
 * without.
 */
import { workflowInfo, type WorkflowInterceptorsFactory } from '@temporalio/workflow';
import { activeSpan, type ActiveSpan } from '../tracing/active-span.ts';
import { spanNameOf, tell, tellFailure, tellRequest, tellResult } from '../tracing/told.ts';

/** Of this Run. Only a guarded job names it: other Workflows of the bundle keep theirs. */
let runSpan: ActiveSpan | undefined;

/** The Workflow is a guarded job. */
export function traceJob(name: string): void {
  if (runSpan === undefined) return;
  runSpan.updateName(`job ${name}`);
  tell(runSpan, { job: workflowInfo().workflowId });
}

export function traceOutcome(outcome: string): void {
  if (runSpan !== undefined) tell(runSpan, { outcome });
}

/** The name that Temporal's SDK looks for. */
export const interceptors: WorkflowInterceptorsFactory = () => ({
  inbound: [
    {
      execute(input, next) {
        runSpan = activeSpan();
        return next(input);
      },
    },
  ],
  outbound: [
    {
      scheduleActivity(input, next) {
        const span = activeSpan();
        const name = span === undefined ? undefined : spanNameOf(input.activityType, input.args[0]);
        if (span === undefined || name === undefined) return next(input);
        span.updateName(name);
        tellRequest(span, workflowInfo().workflowId, input.args[0]);
        const result = next(input);
        result.then(
          (told) => tellResult(span, told),
          (failure: unknown) => tellFailure(span, failure),
        );
        return result;
      },
    },
  ],
});
