/** Trouble of the record itself is believed only when it is met again. */
import { isFailure } from '../../model/failure.ts';

/**
 * Once more where the record could not be used: what failed was dropped, so that this time everything is opened anew. A
 * descriptor that was missing for a moment, or a page that was read wrongly, is then no question to a person.
 */
export async function onFreshHandles<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isFailure(error, 'ledger-damaged', 'permission-denied')) throw error;
    return await work();
  }
}
