/** Calls that are under way: an attempt waits for them, and ends by the error of each that may have happened. */
import { isNotPerformed } from '../../../model/step/not-performed.ts';
import type { Stage } from '../stage.ts';

/** Returns the call itself. */
export function trackCall<T>(stage: Stage, call: Promise<T>): Promise<T> {
  const noted = call.catch((error: unknown) => {
    // An error that the code has caught ends the attempt all the same, unless the call certainly did not happen.
    if (!isNotPerformed(error)) stage.mustEnd ??= { error };
  });
  stage.runningCalls.add(noted);
  void noted.finally(() => stage.runningCalls.delete(noted));
  return call;
}
