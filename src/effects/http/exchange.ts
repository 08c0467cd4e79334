/**
 * One HTTP request, through its redirects, up to the response that counts.
 *
 * Invariants
 * 1. Only listed hosts are called, redirects included; the list is compared before each connection.
 * 2. What another origin gets by a redirect is the request and its key, never a header that may be a secret.
 * 3. A failure says whether the request certainly took no effect (`isNotPerformed`); whatever isn't certain is not
 *    said.
 */
import { defined } from '../../model/defined.ts';
import { HoldfastError } from '../../model/failure.ts';
import { allowedUrl } from '../../model/step/http-host.ts';
import { isSafeMethod } from '../../model/step/http-request.ts';
import { IDEMPOTENCY_KEY_HEADER, idempotencyKeyHeader } from '../../model/step/idempotency-key.ts';
import type { ExchangeRequest, ExchangeResponse } from './exchange-request.ts';
import { isNotSent, reasonOf } from './not-sent.ts';
import { isRedirect, mayFollowEffect, redirected, type OutgoingRequest } from './redirect.ts';
import { judgedResponse } from './response.ts';
import { RunningExchange } from './running-exchange.ts';

const MAX_REDIRECTS = 10;

/**
 * Makes the request and returns the response that counts, its body unread.
 * @throws HoldfastError `host-not-allowed`, `bad-input`, `endpoint-unreachable`, `endpoint-busy`, `http-refused`,
 *   `step-failed`
 */
export async function exchange(request: ExchangeRequest): Promise<ExchangeResponse> {
  const running = new RunningExchange(request, firstRequest(request));
  try {
    for (let redirects = 0; ; redirects++) {
      const response = await send(running);
      const location = locationOf(running, response);
      if (location === undefined) return await judgedResponse(running, response);
      await response.body?.cancel().catch(() => undefined);
      if (redirects >= MAX_REDIRECTS)
        throw running.failure('http-refused', `redirected more than ${MAX_REDIRECTS} times`, { isNotPerformed: true });
      const url = nextUrl(running, response.status, location);
      running.next = redirected(running.next, response.status, url);
    }
  } catch (error) {
    running.silence.end();
    throw error;
  }
}

function firstRequest({ hosts, url, method, body, headers, key }: ExchangeRequest): OutgoingRequest {
  const given = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    url: allowedUrl(hosts, url),
    method,
    body,
    headers: {
      ...(Object.fromEntries(given) as Record<string, string>),
      ...(key === undefined ? {} : { [IDEMPOTENCY_KEY_HEADER]: idempotencyKeyHeader(key) }),
    },
  };
}

async function send(running: RunningExchange): Promise<Response> {
  const { request, silence, next } = running;
  silence.begin();
  try {
    return await fetch(next.url, {
      method: next.method,
      // The other side may be closing a connection that was held open; then nobody could tell what became of the
      // request.
      headers: { ...next.headers, connection: 'close' },
      redirect: 'manual',
      signal: silence.signal,
      ...defined({ body: next.body }),
    });
  } catch (error) {
    if (request.signal.aborted) throw error;
    const why = reasonOf(error);
    if (isNotSent(error))
      throw running.failure('endpoint-unreachable', `cannot be reached: ${why}`, {
        isNotPerformed: true,
        cause: error,
      });
    const what = silence.isTooLong
      ? `did not answer within ${request.timeoutMs} ms`
      : `ended the connection without an answer: ${why}`;
    throw running.failure('step-failed', what, { cause: error });
  }
}

/** Where the response leads, if it is a redirect that is followed. */
function locationOf(running: RunningExchange, { status, headers }: Response): string | undefined {
  if (!isRedirect(status) || running.request.acceptStatus.includes(status)) return undefined;
  if (mayFollowEffect(status) && !isSafeMethod(running.next.method)) running.mayHaveHappened = true;
  return headers.get('location') ?? undefined;
}

function nextUrl(running: RunningExchange, status: number, location: string): URL {
  try {
    return allowedUrl(running.request.hosts, location, running.next.url);
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    throw running.failure(error.type, `answered ${status} and led elsewhere: ${error.message}`, {
      isNotPerformed: true,
      cause: error,
    });
  }
}
