/** What a worker writes to standard error, and the SDK's `Runtime`, of which a process has one. */
import { DefaultLogger, Runtime, type LogEntry, type TelemetryOptions } from '@temporalio/worker';
import { IllegalStateError } from '@temporalio/common';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';

/** `text`: a line for people; `json`: an object a line, for a collector. */
export type LogFormat = 'text' | 'json';

interface RuntimeChoice {
  readonly telemetry?: TelemetryOptions;
  readonly logFormat?: LogFormat;
}

const FORMATS: Readonly<Record<LogFormat, (line: Line) => string>> = { text: asText, json: asJson };

/**
 * Omits what Temporal's worker says of its own start and end; messages of steps and warnings are one line each.
 * @throws HoldfastError `bad-input`: telemetry is wanted, and the process has a Runtime already
 */
export function installRuntime({ telemetry, logFormat = 'text' }: RuntimeChoice): void {
  if (!Object.hasOwn(FORMATS, logFormat))
    throw new HoldfastError('bad-input', `logFormat is ${JSON.stringify(logFormat)}. Expected "text" or "json".`);
  const format = FORMATS[logFormat];
  const logger = new DefaultLogger('INFO', (entry) => {
    const line = lineOf(entry);
    if (line.level === 'INFO' && line.meta['sdkComponent'] === 'worker') return;
    process.stderr.write(`${format(line)}\n`);
  });
  try {
    Runtime.install({ logger, ...defined({ telemetryOptions: telemetry }) });
  } catch (error) {
    // The program that embeds the worker has its own.
    if (!(error instanceof IllegalStateError)) throw error;
    if (telemetry === undefined) return;
    throw new HoldfastError(
      'bad-input',
      "Telemetry is wanted, but this process has a Runtime of Temporal's already; there can be one.",
      { nextStep: 'Give the telemetry where Runtime.install is called, or to the first createWorker.' },
      { cause: error },
    );
  }
}

interface Line {
  readonly at: string;
  readonly level: string;
  readonly message: string;
  readonly meta: Readonly<Record<string, unknown>>;
}

function lineOf({ level, timestampNanos, message, meta }: LogEntry): Line {
  return {
    at: new Date(Number(timestampNanos / 1_000_000n)).toISOString(),
    level,
    message,
    meta: (meta ?? {}) as Readonly<Record<string, unknown>>,
  };
}

function asText({ at, level, message, meta: { stepId, error } }: Line): string {
  const cause = error instanceof Error ? `: ${error.message}` : '';
  return `${at} ${level} ${typeof stepId === 'string' ? `${stepId}: ` : ''}${message}${cause}`;
}

/** The names by which a job is known everywhere stand first. */
function asJson({
  at,
  level,
  message,
  meta: { workflowId, runId, stepId, seq, error, taskToken: _token, ...rest },
}: Line): string {
  const known = defined({ job: workflowId, run: runId, step: stepId, seq, error: messageOf(error) });
  return JSON.stringify({ at, level, message, ...known, ...rest }, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
}

function messageOf(error: unknown): string | undefined {
  if (error === undefined) return undefined;
  return error instanceof Error ? error.message : String(error);
}
