/** Targets that a repair cannot change. */
import { isFailure } from '../../../model/failure.ts';

/** The target stays as it is; the next comparison asks about it. */
export class Unchanged {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

/** A failure that no repetition mends leaves the target unchanged. @throws HoldfastError for what may pass */
export async function orUnchanged<T>(act: () => Promise<T>): Promise<T | Unchanged> {
  try {
    return await act();
  } catch (error) {
    if (!isFailure(error) || error.retryable) throw error;
    return new Unchanged(error.message);
  }
}
