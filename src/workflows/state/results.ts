/**
 * Whether what an Activity has ended with comes from a worker. What somebody made by hand counts for nothing: the same
 * is requested again, which is safe of every Activity, and people see that it was.
 *
 * Invariants
 * 1. A result without a proof (of an older worker, or by hand) counts when it comes twice, word for word.
 * 2. What has not the form of a result never counts, however often it comes.
 * 3. A Run that began before there were proofs goes on as it did.
 */
import { ActivityFailure, ApplicationFailure, isCancellation, sleep } from '@temporalio/workflow';
import { canonicalJson } from '../../model/canonical-json.ts';
import { isFailureType } from '../../model/failures.ts';
import { problemOfResult } from '../../model/job/result-forms.ts';
import { isProved, type ProvedRequest } from '../../model/job/result-proof.ts';
import type { StepCall } from '../activities.ts';
import { isPatched } from '../patches.ts';

type Request = Omit<ProvedRequest, 'jobId'>;

const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 60_000;
const MAX_NAME_CHARACTERS = 60;

interface Doubted {
  /** The result, where it has the form of one. */
  readonly text: string | undefined;
  readonly times: number;
}

export class Results {
  readonly #jobId: string;
  readonly #onDoubt: (problem: string) => void;
  readonly #doubted = new Map<string, Doubted>();

  /** @param onDoubt told for people */
  constructor(jobId: string, onDoubt: (problem: string) => void) {
    this.#jobId = jobId;
    this.#onDoubt = onDoubt;
  }

  /** Is it simply a worker's? Notes nothing. */
  isProved(request: Request, result: unknown): boolean {
    return isProved({ ...request, jobId: this.#jobId }, result) && !this.#doubted.has(keyOf(request));
  }

  /** Does it count? If not, the same is to be requested again. */
  counts(request: Request, result: unknown): boolean {
    const key = keyOf(request);
    const before = this.#doubted.get(key);
    if (isProved({ ...request, jobId: this.#jobId }, result)) {
      if (before?.text !== undefined) this.#tell(request, 'it is none of a worker');
      // A worker that has it requested again ends nothing: whoever goes on making results by hand waits longer.
      if (before !== undefined && isRequestedAgain(result)) this.#doubted.set(key, { ...before, text: undefined });
      else this.#doubted.delete(key);
      return true;
    }
    const problem = problemOfResult(request.activity, result);
    // A question is handed on as it is.
    if (problem === undefined && request.activity === 'askStuck') return true;
    if (!isPatched('only-a-workers-result-counts')) return true;
    const text = problem === undefined ? canonicalJson(result) : undefined;
    if (text !== undefined && text === before?.text) {
      this.#doubted.delete(key);
      return true;
    }
    if (problem !== undefined) this.#tell(request, problem);
    this.#doubted.set(key, { text, times: (before?.times ?? 0) + 1 });
    return false;
  }

  /** Has an operator failed it by hand? Then the same is to be requested again. */
  isFailedByHand(request: Request, error: unknown): boolean {
    const cause = error instanceof ActivityFailure ? error.cause : undefined;
    if (!(cause instanceof ApplicationFailure) || cause.nonRetryable !== true) return false;
    if (isFailureType(cause.type) || !isPatched('only-a-workers-result-counts')) return false;
    const key = keyOf(request);
    this.#doubted.set(key, { text: undefined, times: (this.#doubted.get(key)?.times ?? 0) + 1 });
    this.#tell(request, `it was failed by hand: ${cause.message}`);
    return true;
  }

  /** Somebody who goes on doing so is not asked without a pause. Undefined: there is none, not even a turn. */
  pauseBefore(request: Request): Promise<void> | undefined {
    const { times = 0 } = this.#doubted.get(keyOf(request)) ?? {};
    if (times < 2) return undefined;
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (times - 2), MAX_PAUSE_MS);
    return sleep(pauseMs, { summary: `before ${nameOf(request)} is requested again` });
  }

  #tell(request: Request, problem: string): void {
    this.#onDoubt(`the result of ${nameOf(request)} was passed over and requested again: ${problem}`);
  }
}

/** The world is to be compared first, or another generation is meant. */
function isRequestedAgain(result: unknown): boolean {
  const { kind } = result as { readonly kind?: unknown };
  return kind === 'verification-required' || kind === 'other-generation';
}

function keyOf({ activity, of = '' }: Request): string {
  return `${activity} ${of}`;
}

function nameOf({ activity, of }: Request): string {
  return of === undefined ? activity : `${activity} of ${of.slice(0, MAX_NAME_CHARACTERS)}`;
}

/** Of one request for a step. */
export function provedBy(call: StepCall | undefined): Request {
  return { activity: 'runStep', of: call?.request.stepId, generation: call?.request.generation };
}

/**
 * What an Activity of a step has ended with, where no worker ended it: an operator failed it, or gave it a limit that
 * it has reached. A worker goes on until the step is done or says why it can't be. Undefined: it is the worker's word.
 */
export function failedByHand(
  stepId: string,
  error: unknown,
):
  | {
      readonly stepId: string;
      readonly failure: { readonly type: string; readonly message: string };
      readonly rerun: [];
    }
  | undefined {
  if (!(error instanceof ActivityFailure) || isCancellation(error)) return undefined;
  const { cause } = error;
  const isWorkers = cause instanceof ApplicationFailure && cause.nonRetryable === true && isFailureType(cause.type);
  if (isWorkers || !isPatched('only-a-workers-result-counts')) return undefined;
  const message =
    `The Activity of step ${stepId} was ended by no worker, but by hand or by limits that somebody gave it: ` +
    `${cause?.message ?? error.message}. Whether its worker went on is looked at before it is requested again. ` +
    'Decide `recheck` to request it again: what is done is not done twice.';
  return { stepId, failure: { type: 'ended-by-hand', message }, rerun: [] };
}
