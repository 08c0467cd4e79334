/**
 * A failure of the closed list. Code matches by `type`, never by message.
 * A message says what happened, what was expected, what was found; `nextStep` says what the person can do.
 */
import { FAILURES, type FailureType } from './failures.ts';

/** A failure of the closed list. `details` is plain data for `--json` and never holds secrets or contents. */
export class HoldfastError extends Error {
  readonly type: FailureType;
  readonly details: Readonly<Record<string, unknown>>;
  /** After how many milliseconds the other side wants to be tried again. Undefined: it didn't say. */
  readonly retryAfterMs: number | undefined;

  constructor(
    type: FailureType,
    message: string,
    details: Readonly<Record<string, unknown>> = {},
    options?: { cause?: unknown; retryAfterMs?: number },
  ) {
    super(message, options);
    this.name = 'HoldfastError';
    this.type = type;
    this.details = details;
    this.retryAfterMs = options?.retryAfterMs;
  }

  get retryable(): boolean {
    return FAILURES[this.type].retryable;
  }

  get nextStep(): string {
    return FAILURES[this.type].nextStep;
  }
}

export function isFailure(error: unknown, ...types: readonly FailureType[]): error is HoldfastError {
  return error instanceof HoldfastError && (types.length === 0 || types.includes(error.type));
}
