/**
 * What a provider throws, as one of the closed list: what may pass is tried again for as long as it takes, the rest is
 * put to a person. A request to a model changes nothing, so it is never in doubt.
 */
import { retryAfterMs } from '../effects/http/retry-after.ts';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';

/** Of the AI SDK's `APICallError`, which says by a marker what it is, whichever copy of the package made it. */
const API_CALL_ERROR = Symbol.for('vercel.ai.error.AI_APICallError');

interface ApiCallError extends Error {
  readonly statusCode?: number;
  readonly isRetryable: boolean;
  readonly responseHeaders?: Readonly<Record<string, string>>;
}

const BUSY: readonly unknown[] = [408, 425, 429, 503, 529];
const MAX_MESSAGE_CHARACTERS = 1_000;

/** Anything else that a provider throws counts as the step's own failure: it has three attempts. */
export function asModelFailure(modelId: string, error: unknown): unknown {
  if (!isApiCallError(error)) return error;
  const { statusCode, isRetryable, message } = error;
  const status = statusCode === undefined ? 'no answer' : `status ${statusCode}`;
  const text = `The model ${modelId}: ${status}: ${message}`.slice(0, MAX_MESSAGE_CHARACTERS);
  const details = { modelId, ...defined({ status: statusCode }) };
  if (BUSY.includes(statusCode)) {
    const afterMs = waitOf(error);
    return new HoldfastError('endpoint-busy', text, details, { cause: error, ...defined({ retryAfterMs: afterMs }) });
  }
  return new HoldfastError(isRetryable ? 'endpoint-unreachable' : 'http-refused', text, details, { cause: error });
}

function isApiCallError(error: unknown): error is ApiCallError {
  return error instanceof Error && API_CALL_ERROR in error;
}

/** `retry-after-ms` is OpenAI's. */
function waitOf({ responseHeaders = {} }: ApiCallError): number | undefined {
  const headers = new Headers(responseHeaders);
  const inMs = Number(headers.get('retry-after-ms') ?? Number.NaN);
  const inSeconds = Number.isFinite(inMs) ? String(Math.ceil(inMs / 1_000)) : headers.get('retry-after');
  return retryAfterMs(inSeconds, Date.now());
}
