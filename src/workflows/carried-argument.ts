/**
 * What a Run hands to the next, as one more argument behind the Workflow's own: an argument is stored once, with the
 * beginning of the Run, and encrypted like any other. The memo would be written again with each of the Run's steps and
 * copied into the server's visibility store, whose columns are small. `interceptors.ts` takes the argument away before
 * the Workflow's own code sees its arguments.
 *
 * Invariant: it holds only in the chain that it was made in. Whoever copies a job's arguments to start another never
 * copies the first one's place.
 */
import { workflowInfo } from '@temporalio/workflow';
import { whyUnreadable } from '../model/unreadable.ts';

/** It stands in every bundle that a guarded job can run in. */
export const CARRIED_FIELD = 'holdfast:carried';

interface CarriedArgument {
  readonly [CARRIED_FIELD]: { readonly chain: string; readonly carried: unknown };
}

let received: unknown;

/** What the Run before has handed over; undefined: nothing. */
export function carriedArgument(): unknown {
  return received;
}

export function asArgument(carried: unknown): CarriedArgument {
  return { [CARRIED_FIELD]: { chain: workflowInfo().firstExecutionRunId, carried } };
}

/** Keeps what the Run before has handed over. @returns the Workflow's own arguments */
export function withoutCarried(args: readonly unknown[]): readonly unknown[] {
  const last = args.at(-1);
  if (!isCarriedArgument(last)) return args;
  const { chain, carried } = last[CARRIED_FIELD];
  if (chain === workflowInfo().firstExecutionRunId) received = carried;
  return args.slice(0, -1);
}

function isCarriedArgument(value: unknown): value is CarriedArgument {
  return (
    typeof value === 'object' &&
    value !== null &&
    whyUnreadable(value) === undefined &&
    Object.hasOwn(value, CARRIED_FIELD)
  );
}
