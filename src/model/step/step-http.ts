/** `ctx.http`: a request and its response. */
import type { Json } from '../canonical-json.ts';
import type { HttpRequestSource } from './http-request.ts';
import type { PerformOptions } from './step-call.ts';

/**
 * A request: `url`, `method`, `headers`, `json` or `body`, `saveTo`, `maxBytes`, `acceptStatus`, `idempotent`,
 * `readOnly`, `timeoutMs`; see `HttpRequestSchema`.
 */
export type HttpOptions = HttpRequestSource & {
  /**
   * Finds out whether a request that is in doubt happened; if it throws, a person is asked. Default: a person is
   * asked at once.
   */
  readonly probe?: NonNullable<PerformOptions<Json>['probe']>;
};

/** The response to a request, as the record has it. */
export interface HttpResponse {
  /** 200 to 299, or one of `acceptStatus`. */
  readonly status: number;
  /** The one that answered, after redirects. */
  readonly url: string;
  /** Names in lower case; without those that hold cookies and challenges. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body as UTF-8; '' where there is none, and with `saveTo`. */
  readonly text: string;
  /** With `saveTo`: the file's content. */
  readonly saved?: { readonly digest: string; readonly sizeBytes: number };
  /** @throws `bad-input` when the body is not JSON */
  json<T extends Json = Json>(): T;
}
