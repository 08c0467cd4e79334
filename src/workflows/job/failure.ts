/** A Workflow fails on purpose only with an ApplicationFailure; another error would fail its Task for ever. */
import { ApplicationFailure } from '@temporalio/workflow';
import { HoldfastError } from '../../model/failure.ts';

/** A failure of Holdfast's closed list as Temporal's; any other error as it is. */
export function asFailure(error: unknown): unknown {
  if (!(error instanceof HoldfastError)) return error;
  // A message of several lines is a list, whose last item does not go on with the advice.
  const between = error.message.includes('\n') ? '\n' : ' ';
  return ApplicationFailure.create({
    message: `${error.message}${between}${error.nextStep}`,
    type: error.type,
    nonRetryable: true,
    details: [{ ...error.details }],
    cause: error,
  });
}
