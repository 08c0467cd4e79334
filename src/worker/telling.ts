/**
 * What is told of each attempt at an Activity of Holdfast's, whoever looks: a readable name for the span that a tracer
 * of the program's own has begun for it, and step and chain number in every line that the SDK or a step writes.
 */
import type { Context } from '@temporalio/activity';
import { defined } from '../model/defined.ts';
import type { Activities } from '../model/job/activities.ts';
import { activeSpan } from '../tracing/active-span.ts';
import {
  outcomeOf,
  outcomeOfFailure,
  seqOf,
  spanNameOf,
  subjectOf,
  tell,
  tellFailure,
  tellRequest,
  tellResult,
  type Subject,
} from '../tracing/told.ts';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';

const STEP = 'runStep' satisfies keyof Activities;

/** One a Worker's Activity; it leaves those of the program alone. */
export const telling: ActivityInterceptorsFactory = ({ info }: Context) => {
  // What is known of a request before it is read: a step's Activity bears the step's id.
  let said: Subject & { readonly outcome?: string } = info.activityType === STEP ? { stepId: info.activityId } : {};
  return {
    inbound: {
      async execute(input, next) {
        const [request] = input.args;
        const name = spanNameOf(info.activityType, request);
        if (name === undefined) return await next(input);
        said = subjectOf(request);
        const span = activeSpan();
        span?.updateName(`attempt at ${name}`);
        if (span !== undefined) {
          tellRequest(span, info.workflowExecution?.workflowId ?? '', request);
          tell(span, { attempt: info.attempt });
        }
        try {
          const result = await next(input);
          if (span !== undefined) tellResult(span, result);
          said = { ...said, ...defined({ seq: seqOf(result) }), outcome: outcomeOf(result) };
          return result;
        } catch (failure) {
          if (span !== undefined) tellFailure(span, failure);
          said = { ...said, outcome: outcomeOfFailure(failure) };
          throw failure;
        }
      },
    },
    outbound: {
      getLogAttributes: (input, next) => next({ ...input, ...said }),
    },
  };
};
