/** The request of an exchange, and its response. */

export interface ExchangeRequest {
  readonly hosts: readonly string[];
  readonly method: string;
  readonly url: string;
  /** Secrets in their place. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** The idempotency key. Undefined: none is sent. */
  readonly key?: string | undefined;
  /** Was the request begun before, under the same key? Default: false. */
  readonly isRepeat?: boolean;
  /** Statuses that are no failure, besides 200 to 299. */
  readonly acceptStatus: readonly number[];
  /** The longest silence, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Takes secrets out of what the endpoint says. Default: nothing is taken out. */
  readonly redact?: (text: string) => string;
}

export interface ExchangeResponse {
  readonly status: number;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The body in chunks, as they come. @throws HoldfastError `step-failed` when it is cut */
  readonly body: AsyncIterable<Uint8Array>;
}
