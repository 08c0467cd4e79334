/** How a job's body ended, and what that is worth once a person or Temporal has ended the job. */
import { ApplicationFailure, isCancellation } from '@temporalio/workflow';
import { BeginsAnew } from '../gate/verification.ts';
import type { Ending } from '../state/ending.ts';
import type { Outcome } from './end.ts';

export type BodyOutcome<T> = { readonly result: T } | { readonly error: unknown };

/** Thrown to unwind a body that must start anew; never leaves `JobCore`. */
export class JobRestart extends Error {
  override readonly name = 'JobRestart';
}

/** Does the job go on in a new Run, from its beginning? */
export function beginsAgain(error: unknown): boolean {
  return error instanceof JobRestart || error instanceof BeginsAnew;
}

/**
 * In a replay the state is not what it was when a step was requested: the code has changed under the job. It fails the
 * Workflow Task, as any other code would that asks for other things than the history has: the job waits for the code
 * that fits.
 */
export class OtherState extends Error {
  override readonly name = 'OtherState';

  constructor(stepId: string, reducers: readonly string[]) {
    super(
      `The state of this job is not what it was when step ${stepId} was requested: a reducer of the Workflow's own ` +
        `(${reducers.join(', ')}) gives another value than then. Expected the same reducers in a replay: bring the ` +
        'earlier code back, or put the change behind patched(). The job waits and loses nothing.',
    );
  }
}

export interface Ended {
  readonly ending: Ending;
  /** Set once Temporal has cancelled the job. */
  readonly cancellation: unknown;
  /** A restart was waiting. */
  readonly mustRestart: boolean;
}

/** What the job fails with; undefined: it is completed. Who ended it counts, not what its code made of that. */
export function failureOf(outcome: BodyOutcome<unknown>, { ending, cancellation, mustRestart }: Ended): unknown {
  const aborted = ending.aborted !== undefined && ending.isPrompt ? ending.aborted : undefined;
  if ('result' in outcome) return aborted ?? (mustRestart ? cancellation : undefined);
  const { error } = outcome;
  // What was in flight was cancelled because a person ended the job.
  if (isCancellation(error)) return ending.aborted ?? error;
  return error instanceof JobRestart ? (aborted ?? cancellation) : error;
}

export function outcomeOf(error: unknown): Outcome {
  if (isCancellation(error)) return 'cancelled';
  return error instanceof ApplicationFailure && error.type === 'aborted' ? 'aborted' : 'failed';
}
