/**
 * A failure of the closed list. Code matches by `type`, never by message.
 * A message says what happened, what was expected, what was found; `nextStep` says what the person can do.
 */
import { FAILURES, type FailureType } from './failures.ts';

/** A failure of the closed list. `details` is plain data for `--json` and never holds secrets or contents. */
export class HoldfastError extends Error {
  /** One of the closed list; match by it, never by the message. */
  readonly type: FailureType;
  /** What the message tells, as data. `nextStep` in it takes the place of the list's. */
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

  /** May the same, later and unchanged, succeed? */
  get retryable(): boolean {
    return FAILURES[this.type].retryable;
  }

  /** What the person can do: closer advice where there is some (`details.nextStep`), else the closed list's. */
  get nextStep(): string {
    const { nextStep } = this.details;
    return typeof nextStep === 'string' ? nextStep : FAILURES[this.type].nextStep;
  }
}

/** Is it a failure of the closed list, and of one of these types where some are named? Never throws. */
export function isFailure(error: unknown, ...types: readonly FailureType[]): error is HoldfastError {
  return error instanceof HoldfastError && (types.length === 0 || types.includes(error.type));
}
