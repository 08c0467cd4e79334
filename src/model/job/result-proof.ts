/**
 * How a Workflow tells a worker's result from one that somebody has made: Temporal lets an operator complete an
 * Activity by hand with any result, and tells the Workflow the same in both cases.
 *
 * A result has a proof that it is the answer to this request, word for word. It is no signature: whoever wants to forge
 * one can. It guards against what is typed, copied from another request, or changed in between.
 */
import { canonicalJson } from '../canonical-json.ts';
import { sha256Hex } from '../digest.ts';
import { HoldfastError } from '../failure.ts';

/** What a result answers. */
export interface ProvedRequest {
  /** The Activity's name. */
  readonly activity: string;
  readonly jobId: string;
  /** The step, or the question; nothing, where there is one such request at a time. */
  readonly of?: string | undefined;
  readonly generation?: number | undefined;
}

/** As many hex digits as tell results apart; each is in the history of every step. */
const PROOF_CHARACTERS = 16;

/** What the result of a request of this Activity is proved for. */
export function provedRequest(activity: string, request: unknown): ProvedRequest {
  const { jobId, stepId, generation, decision } = (isObject(request) ? request : {}) as SomeRequest;
  const of = activity === 'repair' ? decision?.digest : stepId;
  return { activity, jobId: jobId ?? '', of, generation };
}

interface SomeRequest {
  readonly jobId?: string;
  readonly stepId?: string;
  readonly generation?: number;
  readonly decision?: { readonly digest?: string };
}

/** The result of a worker, with its proof. A question has none: it is shown as it is, and has a digest of its own. */
export function proved<Result>(request: ProvedRequest, result: Result): Result {
  if (!isObject(result) || request.activity === 'askStuck') return result;
  // As it comes out of a payload: without what is undefined.
  const plain = JSON.parse(JSON.stringify(result)) as Result & Readonly<Record<string, unknown>>;
  return { ...plain, proof: proofOf(request, plain) };
}

/** Has a worker made it in answer to this request? */
export function isProved(request: ProvedRequest, result: unknown): boolean {
  if (!isObject(result) || typeof result['proof'] !== 'string') return false;
  try {
    return result['proof'] === proofOf(request, withoutProof(result));
  } catch (error) {
    // A payload converter of the program's has made something else of it than JSON.
    if (error instanceof HoldfastError) return false;
    throw error;
  }
}

/** What the worker has said. */
export function withoutProof(result: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { proof: _, ...said } = result;
  return said;
}

function proofOf({ activity, jobId, of = '', generation = 0 }: ProvedRequest, result: unknown): string {
  return sha256Hex(`${activity}\n${jobId}\n${of}\n${generation}\n${canonicalJson(result)}`).slice(0, PROOF_CHARACTERS);
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
