/**
 * One HTTP request, through its redirects, up to the response that counts.
 *
 * Invariants
 * 1. Only listed hosts are called, redirects included; the list is asked before each connection.
 * 2. What another origin gets by a redirect is the request and its key, never a header that may be a secret.
 * 3. A failure says whether the request certainly took no effect (`isNotPerformed`); whatever isn't certain is not said.
 */
import { HoldfastError } from '../../model/failure.ts';
import type { FailureType } from '../../model/failures.ts';
import { allowedUrl } from '../../model/step/http-host.ts';
import { isSafeMethod } from '../../model/step/http-request.ts';
import { IDEMPOTENCY_KEY_HEADER, idempotencyKeyHeader } from '../../model/step/idempotency-key.ts';
import { asNotPerformed } from '../../model/step/not-performed.ts';
import { retryAfterMs } from './retry-after.ts';

export const MAX_REDIRECTS = 10;
/** Of what an endpoint says about its refusal, the text that a message holds. */
const MAX_REFUSAL_BYTES = 2_000;

export interface Exchange {
  readonly hosts: readonly string[];
  readonly method: string;
  readonly url: string;
  /** Secrets in their place. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Undefined: none is sent. */
  readonly key?: string | undefined;
  /** Was the request begun before, under the same key? */
  readonly isRepeat?: boolean;
  readonly acceptStatus: readonly number[];
  /** The longest silence, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Takes secrets out of what the endpoint says. */
  readonly redact?: (text: string) => string;
}

export interface Exchanged {
  readonly status: number;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The body in chunks, as they come. @throws HoldfastError `step-failed` when it is cut */
  readonly body: AsyncIterable<Uint8Array>;
}

/** These may go to another origin; what else the request says was meant for the first. */
const HEADERS_FOR_ALL = new Set([
  'accept',
  'accept-language',
  'content-language',
  'content-type',
  'user-agent',
  IDEMPOTENCY_KEY_HEADER,
]);
const BODY_HEADERS = ['content-type', 'content-language', 'content-encoding'];
/** Of a response; the others are recorded. */
const PRIVATE_HEADERS = new Set([
  'set-cookie',
  'set-cookie2',
  'www-authenticate',
  'proxy-authenticate',
  'authentication-info',
]);

/**
 * Makes the request and returns the response that counts, its body unread.
 * @throws HoldfastError `host-not-allowed`, `bad-input`, `endpoint-unreachable`, `endpoint-busy`, `http-refused`, `step-failed`
 */
export async function exchange(request: Exchange): Promise<Exchanged> {
  return await new Requesting(request).run();
}

class Requesting {
  readonly #request: Exchange;
  readonly #silence: Silence;
  #url: URL;
  #method: string;
  #body: string | undefined;
  #headers: Record<string, string>;
  /** Has a request that may change something been answered by 301, 302 or 303? Then it has taken effect, for all we know. */
  #mayHaveHappened = false;

  constructor(request: Exchange) {
    this.#request = request;
    this.#url = allowedUrl(request.hosts, request.url);
    this.#method = request.method;
    this.#body = request.body;
    this.#silence = new Silence(request.timeoutMs, request.signal);
    this.#headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    if (request.key !== undefined) this.#headers[IDEMPOTENCY_KEY_HEADER] = idempotencyKeyHeader(request.key);
  }

  async run(): Promise<Exchanged> {
    try {
      for (let redirects = 0; ; redirects++) {
        const response = await this.#send();
        const isFollowed = isRedirect(response.status) && !this.#request.acceptStatus.includes(response.status);
        if (isFollowed && mayFollowEffect(response.status) && !isSafeMethod(this.#method)) this.#mayHaveHappened = true;
        const location = isFollowed ? response.headers.get('location') : null;
        if (location === null) return await this.#judged(response);
        await response.body?.cancel().catch(() => undefined);
        this.#follow(response.status, location, redirects);
      }
    } catch (error) {
      this.#silence.end();
      throw error;
    }
  }

  async #send(): Promise<Response> {
    this.#silence.begin();
    try {
      return await fetch(this.#url, {
        method: this.#method,
        // A connection that was kept open may be closed by the other side just now; then nobody could tell what became of the request.
        headers: { ...this.#headers, connection: 'close' },
        redirect: 'manual',
        signal: this.#silence.signal,
        ...(this.#body === undefined ? {} : { body: this.#body }),
      });
    } catch (error) {
      if (this.#request.signal.aborted) throw error;
      const why = reasonOf(error);
      if (isNotSent(error))
        throw this.#failed('endpoint-unreachable', `cannot be reached: ${why}`, { isCertain: true, cause: error });
      throw this.#failed(
        'step-failed',
        this.#silence.isBroken
          ? `did not answer within ${this.#request.timeoutMs} ms`
          : `ended the connection without an answer: ${why}`,
        { cause: error },
      );
    }
  }

  /** RFC 9110: 303 asks for the result; 301 and 302 do so after POST, by custom; 307 and 308 say that the same is to be sent there. */
  #follow(status: number, location: string, redirects: number): void {
    const asksForResult =
      status === 303 ? !isSafeMethod(this.#method) : (status === 301 || status === 302) && this.#method === 'POST';
    if (redirects >= MAX_REDIRECTS)
      throw this.#failed('http-refused', `redirected more than ${MAX_REDIRECTS} times`, { isCertain: true });
    let next: URL;
    try {
      next = allowedUrl(this.#request.hosts, location, this.#url);
    } catch (error) {
      const { type, message } = error as HoldfastError;
      throw this.#failed(type, `answered ${status} and led elsewhere: ${message}`, { isCertain: true, cause: error });
    }
    if (asksForResult) {
      this.#method = 'GET';
      this.#body = undefined;
      for (const name of BODY_HEADERS) delete this.#headers[name];
    }
    if (next.origin !== this.#url.origin)
      this.#headers = Object.fromEntries(Object.entries(this.#headers).filter(([name]) => HEADERS_FOR_ALL.has(name)));
    this.#url = next;
  }

  async #judged(response: Response): Promise<Exchanged> {
    const { status } = response;
    if ((status >= 200 && status < 300) || this.#request.acceptStatus.includes(status)) {
      return { status, url: this.#url.href, headers: recordedHeaders(response.headers), body: this.#bodyOf(response) };
    }
    const afterMs = retryAfterMs(response.headers.get('retry-after'), Date.now());
    const said = await this.#said(response);
    const what = `answered ${status}${response.statusText === '' ? '' : ` ${response.statusText}`}${said === '' ? '' : `: ${said}`}`;
    if (status === 409 && this.#request.isRepeat === true)
      throw this.#failed(
        'step-failed',
        `${what} (by the draft of the header: the first request with this key is still under way)`,
        { afterMs },
      );
    if (saysLater(status, afterMs)) throw this.#failed('endpoint-busy', what, { isCertain: true, afterMs });
    if (status >= 500 && status !== 501 && status !== 505) throw this.#failed('step-failed', what, { afterMs });
    // A redirect that names no place, too, unless it says that nothing was handled.
    throw this.#failed('http-refused', what, { isCertain: status >= 400 || status === 307 || status === 308 });
  }

  #failed(
    type: FailureType,
    what: string,
    {
      isCertain = false,
      afterMs,
      cause,
    }: { readonly isCertain?: boolean; readonly afterMs?: number | undefined; readonly cause?: unknown },
  ): HoldfastError {
    const hasEffect = this.#mayHaveHappened;
    const error = new HoldfastError(
      // What has happened already is no more "refused" than it is "to be tried again".
      hasEffect ? 'step-failed' : type,
      `${this.#request.method} ${withoutQuery(this.#request.url)}: ${hasEffect ? 'was answered by a redirect, which may come after the effect; then ' : ''}${this.#url.host} ${what}.`,
      {},
      { ...(cause === undefined ? {} : { cause }), ...(afterMs === undefined ? {} : { retryAfterMs: afterMs }) },
    );
    return isCertain && !hasEffect ? asNotPerformed(error) : error;
  }

  async *#bodyOf(response: Response): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      if (response.body === null) return;
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        this.#silence.begin();
        yield chunk;
      }
    } catch (error) {
      if (this.#request.signal.aborted) throw error;
      throw this.#failed(
        'step-failed',
        `answered ${response.status}, and its answer ${this.#silence.isBroken ? `stopped for more than ${this.#request.timeoutMs} ms` : `was cut: ${reasonOf(error)}`}`,
        { cause: error },
      );
    } finally {
      this.#silence.end();
    }
  }

  /** What an endpoint says about its refusal, for people. Never fails. */
  async #said(response: Response): Promise<string> {
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    try {
      for await (const chunk of this.#bodyOf(response)) {
        chunks.push(chunk);
        sizeBytes += chunk.length;
        if (sizeBytes >= MAX_REFUSAL_BYTES) break;
      }
    } catch {
      // The status has said enough.
    }
    const text = Buffer.concat(chunks).subarray(0, MAX_REFUSAL_BYTES).toString('utf8').replaceAll(/\s+/g, ' ').trim();
    return this.#request.redact?.(text) ?? text;
  }
}

/** Aborts when nothing has come for so long, or when the caller does. */
class Silence {
  readonly #controller = new AbortController();
  readonly #timeoutMs: number;
  readonly #unlisten: () => void;
  #timer: NodeJS.Timeout | undefined;
  isBroken = false;

  constructor(timeoutMs: number, outer: AbortSignal) {
    this.#timeoutMs = timeoutMs;
    const onAbort = (): void => {
      clearTimeout(this.#timer);
      this.#controller.abort(outer.reason);
    };
    if (outer.aborted) onAbort();
    outer.addEventListener('abort', onAbort, { once: true });
    this.#unlisten = () => outer.removeEventListener('abort', onAbort);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  begin(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.isBroken = true;
      this.#controller.abort(new DOMException('nothing came for too long', 'TimeoutError'));
    }, this.#timeoutMs);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#unlisten();
  }
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/** 303 says so; 301 and 302 are sent after PUT and DELETE as after POST (a list, once the item is gone). 307 and 308 ask for the same elsewhere. */
function mayFollowEffect(status: number): boolean {
  return status >= 301 && status <= 303;
}

/** Statuses that say that the request was not handled: 408, 425, 429; 503 where it names a time. Another 503 may come from a gateway, after the effect. */
function saysLater(status: number, afterMs: number | undefined): boolean {
  return status === 408 || status === 425 || status === 429 || (status === 503 && afterMs !== undefined);
}

const NOT_SENT_CODES = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
]);

/** Did it fail before a byte of the request went out: no address, no connection, a certificate that isn't theirs? */
function isNotSent(error: unknown): boolean {
  const { cause } = error as {
    readonly cause?: { readonly code?: string; readonly syscall?: string; readonly message?: string };
  };
  if (cause?.message === 'bad port') return true;
  return (
    cause?.code !== undefined &&
    (NOT_SENT_CODES.has(cause.code) ||
      cause.syscall === 'connect' ||
      cause.code.startsWith('CERT_') ||
      cause.code.startsWith('ERR_TLS_CERT_'))
  );
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as {
    readonly message?: string;
    readonly cause?: { readonly code?: string; readonly message?: string };
  };
  return (cause?.message || cause?.code || message || String(error)).slice(0, 300);
}

function recordedHeaders(headers: Headers): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => !PRIVATE_HEADERS.has(name)));
}

function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, '').slice(0, 500);
}
