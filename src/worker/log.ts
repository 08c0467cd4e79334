/** What a worker writes to standard error. */
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { IllegalStateError } from '@temporalio/common';

/** Omits what Temporal's worker says of its own start and end; messages of steps and warnings are one line each. */
export function quietTemporal(): void {
  const logger = new DefaultLogger('INFO', ({ level, timestampNanos, message, meta }) => {
    const { sdkComponent, stepId, error } = (meta ?? {}) as {
      readonly sdkComponent?: string;
      readonly stepId?: string;
      readonly error?: unknown;
    };
    if (level === 'INFO' && sdkComponent === 'worker') return;
    const at = new Date(Number(timestampNanos / 1_000_000n)).toISOString();
    const cause = error instanceof Error ? `: ${error.message}` : '';
    process.stderr.write(`${at} ${level} ${stepId === undefined ? '' : `${stepId}: `}${message}${cause}\n`);
  });
  try {
    Runtime.install({ logger });
  } catch (error) {
    // The program that embeds the worker has its own.
    if (!(error instanceof IllegalStateError)) throw error;
  }
}
