/**
 * What a Run hands to the next, as one more argument behind the Workflow's own: an argument is stored once, with the
 * beginning of the Run, and encrypted like any other. The memo would be written again with each of the Run's steps and
 * copied into the server's visibility store, whose columns are small.
 *
 * Also a module of interceptors of the Workflows' bundle: the argument is taken away before the Workflow's own code
 * sees its arguments.
 *
 * Invariant: it holds only in the chain that it was made in. Whoever copies a job's arguments to start another never
 * copies the first one's place.
 */
import { workflowInfo, type WorkflowInterceptorsFactory } from '@temporalio/workflow';
import { whyUnreadable } from '../model/unreadable.ts';

const FIELD = 'holdfast:carried';

interface CarriedArgument {
  readonly [FIELD]: { readonly chain: string; readonly carried: unknown };
}

let received: unknown;

/** What the Run before has handed over; undefined: nothing. */
export function carriedArgument(): unknown {
  return received;
}

export function asArgument(carried: unknown): CarriedArgument {
  return { [FIELD]: { chain: workflowInfo().firstExecutionRunId, carried } };
}

function isCarriedArgument(value: unknown): value is CarriedArgument {
  return (
    typeof value === 'object' && value !== null && whyUnreadable(value) === undefined && Object.hasOwn(value, FIELD)
  );
}

/** The name that Temporal's SDK looks for. */
export const interceptors: WorkflowInterceptorsFactory = () => ({
  inbound: [
    {
      execute(input, next) {
        const last = input.args.at(-1);
        if (!isCarriedArgument(last)) return next(input);
        const { chain, carried } = last[FIELD];
        if (chain === workflowInfo().firstExecutionRunId) received = carried;
        return next({ ...input, args: input.args.slice(0, -1) });
      },
    },
  ],
});
