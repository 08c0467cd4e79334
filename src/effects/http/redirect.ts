/**
 * What is sent, and what it becomes by a redirect.
 *
 * Invariant: what another origin gets by a redirect is the request and its key, never a header that may be a secret.
 */
import { isSafeMethod } from '../../model/step/http-request.ts';
import { IDEMPOTENCY_KEY_HEADER } from '../../model/step/idempotency-key.ts';

export interface OutgoingRequest {
  readonly url: URL;
  readonly method: string;
  readonly body: string | undefined;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** These may go to another origin; all further headers were meant for the first. */
const HEADERS_FOR_ALL = new Set([
  'accept',
  'accept-language',
  'content-language',
  'content-type',
  'user-agent',
  IDEMPOTENCY_KEY_HEADER,
]);
const BODY_HEADERS = new Set(['content-type', 'content-language', 'content-encoding']);

export function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/**
 * May the request have taken effect before it was redirected? 303 says so; 301 and 302 are sent after PUT and DELETE as
 * after POST (to a list, once the item is gone). 307 and 308 send the same elsewhere.
 */
export function mayFollowEffect(status: number): boolean {
  return status >= 301 && status <= 303;
}

/** What is sent to `url`, where a redirect with this status leads. */
export function redirected(request: OutgoingRequest, status: number, url: URL): OutgoingRequest {
  const sent = leadsToResult(status, request.method) ? asResultRequest(request) : request;
  const isSameOrigin = url.origin === request.url.origin;
  const headers = isSameOrigin ? sent.headers : selected(sent.headers, (name) => HEADERS_FOR_ALL.has(name));
  return { ...sent, headers, url };
}

/**
 * RFC 9110: 303 leads to the result; 301 and 302 do so after POST, by custom; 307 and 308 say that the same is to be
 * sent there.
 */
function leadsToResult(status: number, method: string): boolean {
  return status === 303 ? !isSafeMethod(method) : (status === 301 || status === 302) && method === 'POST';
}

function asResultRequest(request: OutgoingRequest): OutgoingRequest {
  const headers = selected(request.headers, (name) => !BODY_HEADERS.has(name));
  return { ...request, method: 'GET', body: undefined, headers };
}

function selected(
  headers: Readonly<Record<string, string>>,
  isWanted: (name: string) => boolean,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => isWanted(name)));
}
