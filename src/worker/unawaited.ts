/**
 * What the worker does about a promise of a step's own code that is rejected and that nobody waits for. Node would end
 * the process, and with it all other jobs' steps.
 */
import { tellWorker } from './log.ts';

/**
 * Says it instead, unless the program that embeds the worker has its own way. What the context gives is no such
 * promise: a step that doesn't wait for it fails.
 * @returns what ends it
 */
export function tellUnawaited(): () => void {
  if (process.listenerCount('unhandledRejection') > 0) return () => undefined;
  process.on('unhandledRejection', tell);
  return () => void process.off('unhandledRejection', tell);
}

function tell(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  tellWorker(
    'ERROR',
    'A promise was rejected that nobody waits for. The worker goes on; ' +
      `await it in the code of the step that made it: ${text}`,
  );
}
