/**
 * One exchange while it runs: what is sent next, how long nothing has come, and how it fails.
 *
 * Invariant: a failure says that the request took no effect (`isNotPerformed`) only where that is certain; after a
 * redirect that may follow the effect, nothing is.
 */
import { defined } from '../../model/defined.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { FailureType } from '../../model/failures.ts';
import { asNotPerformed } from '../../model/step/not-performed.ts';
import type { ExchangeRequest } from './exchange-request.ts';
import type { OutgoingRequest } from './redirect.ts';
import { Silence } from './silence.ts';

export interface FailureDetails {
  /** The request certainly took no effect, but for what a redirect may follow. */
  readonly isNotPerformed?: boolean;
  readonly afterMs?: number | undefined;
  readonly cause?: unknown;
}

const MAX_URL_CHARACTERS = 500;

export class RunningExchange {
  readonly request: ExchangeRequest;
  readonly silence: Silence;
  next: OutgoingRequest;
  /** Has a request that may change something been answered by 301, 302 or 303? Then it may have taken effect. */
  mayHaveHappened = false;

  constructor(request: ExchangeRequest, first: OutgoingRequest) {
    this.request = request;
    this.next = first;
    this.silence = new Silence(request.timeoutMs, request.signal);
  }

  /** @param what what became of it, as the rest of a sentence that begins with the host */
  failure(type: FailureType, what: string, details: FailureDetails = {}): HoldfastError {
    const mayHaveHappened = this.mayHaveHappened;
    const after = mayHaveHappened ? 'was answered by a redirect, which may come after the effect; then ' : '';
    const error = new HoldfastError(
      // What may have happened is neither "refused" nor "to be tried again".
      mayHaveHappened ? 'step-failed' : type,
      `${this.request.method} ${withoutQuery(this.request.url)}: ${after}${this.next.url.host} ${what}.`,
      {},
      defined({ cause: details.cause, retryAfterMs: details.afterMs }),
    );
    return details.isNotPerformed === true && !mayHaveHappened ? asNotPerformed(error) : error;
  }
}

function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, '').slice(0, MAX_URL_CHARACTERS);
}
