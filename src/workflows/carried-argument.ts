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
import { HoldfastError } from '../model/failure.ts';
import { CARRIED_FIELD } from '../model/job/own-arguments.ts';
import { FORK_FIELD, ForkSchema, type Fork } from '../model/job/fork.ts';
import { RESUME_FIELD, ResumeSchema, type Resume } from '../model/job/resume.ts';
import { whyUnreadable } from '../model/unreadable.ts';

interface CarriedArgument {
  readonly [CARRIED_FIELD]: { readonly chain: string; readonly carried: unknown };
}

let received: unknown;
let resume: unknown;
let fork: unknown;

/** What the Run before has handed over; undefined: nothing. */
export function carriedArgument(): unknown {
  return received;
}

/**
 * What a job is started from a store with; undefined: it is not.
 * @throws HoldfastError `bad-input`: it was made for another Workflow, or it is none
 */
export function resumeArgument(): Resume | undefined {
  if (resume === undefined) return undefined;
  const parsed = ResumeSchema.safeParse(resume);
  if (!parsed.success) throw new HoldfastError('bad-input', 'What the job is to be resumed from cannot be read.');
  const { workflowId, jobId } = parsed.data;
  if (workflowId === workflowInfo().workflowId) return parsed.data;
  throw new HoldfastError(
    'bad-input',
    `The arguments of this Workflow resume job ${jobId} as Workflow ${workflowId}, and this one is ` +
      `${workflowInfo().workflowId}: a job goes on once. Expected a start by \`holdfast resume\`.`,
  );
}

/** What a fork is started with; undefined: this is none. @throws HoldfastError `bad-input`: it is another Workflow's */
export function forkArgument(): Fork | undefined {
  if (fork === undefined) return undefined;
  const { workflowId } = workflowInfo();
  const parsed = ForkSchema.safeParse(fork);
  if (parsed.success && parsed.data.workflowId === workflowId) return parsed.data;
  const found = parsed.success ? `they are those of Workflow ${parsed.data.workflowId}` : 'they cannot be read';
  throw new HoldfastError(
    'bad-input',
    `Workflow ${workflowId} was started with the arguments of a fork, and ${found}: a fork is started once. ` +
      'Expected a start by `holdfast fork`.',
  );
}

export function asArgument(carried: unknown): CarriedArgument {
  return { [CARRIED_FIELD]: { chain: workflowInfo().firstExecutionRunId, carried } };
}

/** Keeps what the Run before has handed over. @returns the Workflow's own arguments */
export function withoutCarried(args: readonly unknown[]): readonly unknown[] {
  const last = args.at(-1);
  if (hasField(last, RESUME_FIELD)) {
    resume = last[RESUME_FIELD];
    return args.slice(0, -1);
  }
  if (hasField(last, FORK_FIELD)) {
    fork = last[FORK_FIELD];
    return args.slice(0, -1);
  }
  if (!isCarriedArgument(last)) return args;
  const { chain, carried } = last[CARRIED_FIELD];
  if (chain === workflowInfo().firstExecutionRunId) received = carried;
  return args.slice(0, -1);
}

function isCarriedArgument(value: unknown): value is CarriedArgument {
  return hasField(value, CARRIED_FIELD);
}

function hasField<F extends string>(value: unknown, field: F): value is Readonly<Record<F, unknown>> {
  return (
    typeof value === 'object' && value !== null && whyUnreadable(value) === undefined && Object.hasOwn(value, field)
  );
}
