/** Redacts an error that others will see. */
import { defined } from '../../model/defined.ts';
import { HoldfastError } from '../../model/failure.ts';
import { redactData } from './redact-data.ts';

const MAX_CAUSES = 10;

/**
 * Message, stack, details and causes; of causes at most ten.
 * @returns the very error where there is nothing to redact
 */
export function redactError(redact: (text: string) => string, error: unknown, maxCauses = MAX_CAUSES): unknown {
  if (!(error instanceof Error)) return redactData(redact, error);
  const stack = error.stack ?? '';
  const cause =
    error.cause === undefined || maxCauses === 0 ? undefined : redactError(redact, error.cause, maxCauses - 1);
  const details = 'details' in error ? redactData(redact, error.details) : undefined;
  const message = redact(error.message);
  const isClean =
    message === error.message &&
    redact(stack) === stack &&
    cause === error.cause &&
    (!('details' in error) || details === error.details);
  if (isClean) return error;
  const copy = copyOf(error, message, details, cause);
  for (const [key, value] of Object.entries(defined({ message, stack: redact(stack), cause })))
    Object.defineProperty(copy, key, { value, writable: true, configurable: true, enumerable: false });
  return copy;
}

/** Of the same class, so that whoever catches it can tell what it is. */
function copyOf(error: Error, message: string, details: unknown, cause: unknown): Error {
  if (error instanceof HoldfastError)
    return new HoldfastError(
      error.type,
      message,
      details as Readonly<Record<string, unknown>>,
      cause === undefined ? {} : { cause },
    );
  const bare = Object.create(Object.getPrototypeOf(error) as object) as Error;
  return Object.assign(bare, error, details === undefined ? {} : { details });
}
