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

/** Of the process, as its Runtime is. */
let format: (line: Line) => string = asText;

/**
 * Omits what Temporal's worker says of its own start and end; messages of steps and warnings are one line each.
 * @throws HoldfastError `bad-input`: telemetry is wanted, and the process has a Runtime already
 */
export function installRuntime({ telemetry, logFormat = 'text' }: RuntimeChoice): void {
  if (!Object.hasOwn(FORMATS, logFormat))
    throw new HoldfastError('bad-input', `logFormat is ${JSON.stringify(logFormat)}. Expected "text" or "json".`);
  format = FORMATS[logFormat];
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

/** What a worker says of itself, in the form that its lines have. */
export function tellWorker(level: 'INFO' | 'WARN' | 'ERROR', message: string): void {
  process.stderr.write(`${format({ at: new Date().toISOString(), level, message, meta: {} })}\n`);
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

/** What a step says of itself stands behind what every line has, and can't replace it. */
function asJson({ at, level, message, meta }: Line): string {
  const { workflowId, runId, workflowRunId, stepId, error, taskToken: _token, ...rest } = meta;
  const known = { at, level, message, job: workflowId, run: runId ?? workflowRunId, step: stepId };
  return JSON.stringify({ ...known, ...rest, ...known, error: messageOf(error) }, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
}

function messageOf(error: unknown): string | undefined {
  if (error === undefined) return undefined;
  return error instanceof Error ? error.message : String(error);
}
