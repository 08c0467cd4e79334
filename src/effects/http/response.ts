/** What the response that counts means: an answer, a refusal, or "later". */
import { bodyOf, refusalOf } from './body.ts';
import type { ExchangeResponse } from './exchange-request.ts';
import { retryAfterMs } from './retry-after.ts';
import type { RunningExchange } from './running-exchange.ts';

/** Headers of a response that are not recorded. */
const PRIVATE_HEADERS = new Set([
  'set-cookie',
  'set-cookie2',
  'www-authenticate',
  'proxy-authenticate',
  'authentication-info',
]);

/** @throws HoldfastError `endpoint-busy`, `http-refused`, `step-failed` */
export async function judgedResponse(exchange: RunningExchange, response: Response): Promise<ExchangeResponse> {
  const { request } = exchange;
  const { status } = response;
  if ((status >= 200 && status < 300) || request.acceptStatus.includes(status)) {
    const headers = recordedHeaders(response.headers);
    return { status, url: exchange.next.url.href, headers, body: bodyOf(exchange, response) };
  }
  const afterMs = retryAfterMs(response.headers.get('retry-after'), Date.now());
  const what = describe(response, await refusalOf(exchange, response));
  if (status === 409 && request.isRepeat === true) {
    const why = 'by the draft of the header: the first request with this key is still under way';
    throw exchange.failure('step-failed', `${what} (${why})`, { afterMs });
  }
  if (saysLater(status, afterMs)) throw exchange.failure('endpoint-busy', what, { isNotPerformed: true, afterMs });
  if (status >= 500 && status !== 501 && status !== 505) throw exchange.failure('step-failed', what, { afterMs });
  // A redirect that names no place, too, unless it says that nothing was handled.
  const isNotPerformed = status >= 400 || status === 307 || status === 308;
  throw exchange.failure('http-refused', what, { isNotPerformed });
}

function describe({ status, statusText }: Response, refusal: string): string {
  const name = statusText === '' ? '' : ` ${statusText}`;
  return `answered ${status}${name}${refusal === '' ? '' : `: ${refusal}`}`;
}

/**
 * Statuses that say that the request was not handled: 408, 425, 429; 503 where it names a time. Another 503 may come
 * from a gateway, after the effect.
 */
function saysLater(status: number, afterMs: number | undefined): boolean {
  return status === 408 || status === 425 || status === 429 || (status === 503 && afterMs !== undefined);
}

function recordedHeaders(headers: Headers): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => !PRIVATE_HEADERS.has(name)));
}
