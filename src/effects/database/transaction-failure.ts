/** Failures of a transaction, worded the same for both dialects. */
import { HoldfastError } from '../../model/failure.ts';

/** What a call is told after an earlier one of the same transaction failed. */
export function onlyRollsBack(earlier: HoldfastError): HoldfastError {
  const text = `${earlier.message} (The transaction can only be rolled back.)`;
  return new HoldfastError(earlier.type, text, earlier.details, { cause: earlier });
}

export interface TransactionProblem {
  readonly type: 'busy' | 'sql-failed' | 'defect';
  /** What is wrong, without a full stop. */
  readonly problem: string;
  readonly cause?: unknown;
}

export function transactionFailure(database: string, { type, problem, cause }: TransactionProblem): HoldfastError {
  const options = cause === undefined ? {} : { cause };
  return new HoldfastError(type, `Database ${database}: ${problem}.`, { database }, options);
}

/** A COMMIT whose answer never came. */
export function outcomeUnknown(failure: HoldfastError): HoldfastError {
  return new HoldfastError(
    'storage-unreachable',
    `${failure.message} Whether the transaction was committed is not known; its token row tells.`,
    { ...failure.details, outcomeUnknown: true },
    { cause: failure },
  );
}
