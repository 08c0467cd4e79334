/**
 * Temporal's errors, told in Holdfast's closed list: what happened, to which job, and what to type next.
 *
 * Invariant: an error that is not recognised is passed on as it is, never given a wrong name.
 */
import { isGrpcServiceError, WorkflowUpdateFailedError } from '@temporalio/client';
import {
  ApplicationFailure,
  NamespaceNotFoundError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/common';
import { isFailureType, type FailureType } from '../model/failures.ts';
import { HoldfastError } from '../model/failure.ts';
import { shellWord } from '../model/shell-word.ts';

export interface FailureContext {
  readonly address: string;
  readonly namespace: string;
  readonly workflowId?: string;
}

const CANCELLED = 1;
const INVALID_ARGUMENT = 3;
const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const FAILED_PRECONDITION = 9;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

/** The HoldfastError for what a call to Temporal threw; anything unknown as it was. */
export function translateFailure(error: unknown, context: FailureContext): unknown {
  if (error instanceof HoldfastError) return error;
  const { address, namespace, workflowId } = context;
  const job = workflowId === undefined ? 'the job' : `job ${workflowId}`;
  if (error instanceof WorkflowNotFoundError) return notFound(context, error);
  if (error instanceof NamespaceNotFoundError) return namespaceNotFound(context, error);
  if (error instanceof WorkflowExecutionAlreadyStartedError) {
    return new HoldfastError(
      'already-started',
      `A job with the id ${error.workflowId} is running already; nothing was started.`,
      { workflowId: error.workflowId },
      { cause: error },
    );
  }
  if (workflowId !== undefined && isNeverBegun(error))
    return new HoldfastError(
      'not-found',
      `Job ${workflowId} has ended before a worker took it: it has done nothing, and nothing can be asked of it.`,
      { workflowId, nextStep: `See its end: holdfast result ${shellWord(workflowId)}` },
      { cause: error },
    );
  if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure)
    return applicationFailure(error.cause, error);
  switch (grpcCode(error)) {
    case NOT_FOUND:
      return /namespace/i.test(grpcDetails(error)) ? namespaceNotFound(context, error) : notFound(context, error);
    case UNAVAILABLE:
      return new HoldfastError(
        'server-unreachable',
        `The Temporal server at ${address} does not answer: ${grpcDetails(error)}.`,
        { address },
        { cause: error },
      );
    case DEADLINE_EXCEEDED:
      return new HoldfastError(
        'server-unreachable',
        `The Temporal server at ${address} did not answer in time about ${job}.`,
        { address },
        { cause: error },
      );
    case PERMISSION_DENIED:
    case UNAUTHENTICATED:
      return new HoldfastError(
        'permission-denied',
        `The Temporal server at ${address} refuses this in namespace ${namespace}: ${grpcDetails(error)}.`,
        { address, namespace },
        { cause: error },
      );
    case INVALID_ARGUMENT:
      return new HoldfastError(
        'bad-input',
        `The Temporal server refuses this: ${grpcDetails(error)}.`,
        { address },
        { cause: error },
      );
    default:
      return error;
  }
}

/** A Query that no worker has answered: none polls, or none in time. */
export function isUnanswered(error: unknown): boolean {
  const code = grpcCode(error);
  return (
    code === DEADLINE_EXCEEDED ||
    code === CANCELLED ||
    (code === FAILED_PRECONDITION && /no poller|worker may be down/i.test(grpcDetails(error)))
  );
}

/** The server's word for a Workflow of which no Task was ever taken, and that has ended. */
function isNeverBegun(error: unknown): boolean {
  return grpcCode(error) === FAILED_PRECONDITION && /closed before/i.test(grpcDetails(error));
}

/** The server doesn't even ask a worker: the last Workflow Task failed. */
export function isWithoutWorkflow(error: unknown): boolean {
  return grpcCode(error) === FAILED_PRECONDITION;
}

/** What a Workflow or an Update failed with, in the closed list where its type is of it. */
export function applicationFailure(failure: ApplicationFailure, cause: unknown = failure): HoldfastError {
  const type: FailureType = isFailureType(failure.type) ? failure.type : 'step-failed';
  return new HoldfastError(type, failure.message, {}, { cause });
}

export function grpcCode(error: unknown): number | undefined {
  if (isGrpcServiceError(error)) return error.code;
  const cause = (error as { cause?: unknown } | undefined)?.cause;
  return cause !== undefined && isGrpcServiceError(cause) ? cause.code : undefined;
}

/** The server's own words, without their full stop. */
function grpcDetails(error: unknown): string {
  const inner = isGrpcServiceError(error) ? error : ((error as { cause?: unknown }).cause ?? error);
  return wordsOf(inner).trim().replace(/\.$/, '');
}

function wordsOf(error: unknown): string {
  if (isGrpcServiceError(error)) return error.details;
  return error instanceof Error ? error.message : String(error);
}

const NO_JOB_NEXT =
  'Check the name; `holdfast list` shows the jobs. The record of one that the server has forgotten is read by its ' +
  'folder: holdfast log WORKSPACE';

function notFound({ workflowId, namespace, address }: FailureContext, cause: unknown): HoldfastError {
  // The server's word for messages to a Workflow that is there, but over.
  if (workflowId !== undefined && /already completed/i.test(grpcDetails(cause)))
    return new HoldfastError(
      'not-found',
      `Job ${workflowId} has ended; nothing reaches it any more.`,
      { workflowId, nextStep: `See its end: holdfast result ${shellWord(workflowId)}` },
      { cause },
    );
  const job = workflowId === undefined ? 'such job' : `job ${workflowId}`;
  return new HoldfastError(
    'not-found',
    `There is no ${job} in namespace ${namespace} of ${address}.`,
    { workflowId, namespace, address, nextStep: NO_JOB_NEXT },
    { cause },
  );
}

function namespaceNotFound({ namespace, address }: FailureContext, cause: unknown): HoldfastError {
  return new HoldfastError(
    'not-found',
    `The Temporal server at ${address} has no namespace ${namespace}. ` +
      `Create it with \`temporal operator namespace create --namespace ${shellWord(namespace)}\`, ` +
      'or choose another with --namespace or TEMPORAL_NAMESPACE.',
    { namespace, address },
    { cause },
  );
}
