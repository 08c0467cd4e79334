/** What a worker writes to standard error, and the SDK's `Runtime`, of which a process has one. */
import { DefaultLogger, Runtime, type LogEntry, type TelemetryOptions } from '@temporalio/worker';
import { IllegalStateError } from '@temporalio/common';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import { isOwnActivity } from '../tracing/told.ts';

/** `text`: a line for people; `json`: an object a line, for a collector, also of each attempt's begin and end. */
export type LogFormat = 'text' | 'json';

interface RuntimeChoice {
  readonly telemetry?: TelemetryOptions;
  readonly logFormat?: LogFormat;
}

const FORMATS: Readonly<Record<LogFormat, (line: Line) => string>> = { text: asText, json: asJson };
/** A line of debugging is written where it is of an attempt and the format has it. */
const LEVELS: Readonly<Record<LogFormat, 'INFO' | 'DEBUG'>> = { text: 'INFO', json: 'DEBUG' };

/** Of the process, as its Runtime is. */
let format: (line: Line) => string = asText;

/**
 * Omits what Temporal's worker says of its own start and end; messages of steps and warnings are one line each. With
 * `json` the SDK's core, which would write its own form, hands its lines over, unless `telemetry` says otherwise.
 * @throws HoldfastError `bad-input`: telemetry is wanted, and the process has a Runtime already, or the SDK can't begin
 * with it (a port that is taken)
 */
export function installRuntime({ telemetry, logFormat = 'text' }: RuntimeChoice): void {
  if (!Object.hasOwn(FORMATS, logFormat))
    throw new HoldfastError('bad-input', `logFormat is ${JSON.stringify(logFormat)}. Expected "text" or "json".`);
  format = FORMATS[logFormat];
  const logger = new DefaultLogger(LEVELS[logFormat], (entry) => {
    const line = lineOf(entry);
    if (isWritten(line)) process.stderr.write(`${format(line)}\n`);
  });
  const logging = logFormat === 'json' ? { forward: {} } : undefined;
  try {
    Runtime.install({ logger, telemetryOptions: { ...defined({ logging }), ...telemetry } });
  } catch (error) {
    throwUnlessInstalled(error, telemetry);
  }
}

function throwUnlessInstalled(error: unknown, telemetry: TelemetryOptions | undefined): void {
  if (error instanceof IllegalStateError) {
    // The program that embeds the worker has its own.
    if (telemetry === undefined) return;
    throw new HoldfastError(
      'bad-input',
      "Telemetry is wanted, but this process has a Runtime of Temporal's already; there can be one.",
      { nextStep: 'Give the telemetry where Runtime.install is called, or to the first createWorker.' },
      { cause: error },
    );
  }
  if (telemetry === undefined) throw error;
  const { metrics } = telemetry;
  const place = metrics && 'prometheus' in metrics ? ` (metrics at ${metrics.prometheus.bindAddress})` : '';
  throw new HoldfastError(
    'bad-input',
    `Temporal's SDK can't begin with this telemetry${place}: ${(error as Error).message}.`,
    { nextStep: 'Choose another address or port, or leave the telemetry out.' },
    { cause: error },
  );
}

function isWritten({ level, message, meta: { sdkComponent, activityType } }: Line): boolean {
  const isOfAttempt =
    message.startsWith('Activity ') && typeof activityType === 'string' && isOwnActivity(activityType);
  if (level === 'DEBUG' || level === 'TRACE') return sdkComponent === 'worker' && isOfAttempt;
  return level !== 'INFO' || sdkComponent !== 'worker';
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

/** `2026-11-28T02:07:07.000Z INFO report-d4dd4d86 draft #3: fetched` */
function asText({ at, level, message, meta: { workflowId, stepId, seq, error } }: Line): string {
  const cause = error instanceof Error ? `: ${error.message}` : '';
  const record = typeof seq === 'number' ? `#${seq}` : undefined;
  const place = [workflowId, stepId, record].filter((part) => typeof part === 'string').join(' ');
  return `${at} ${level} ${place === '' ? '' : `${place}: `}${message}${cause}`;
}

/** What a step says of itself stands behind what every line has, and can't replace it. */
function asJson({ at, level, message, meta }: Line): string {
  const { workflowId, runId, workflowRunId, stepId, seq, error, taskToken: _token, ...rest } = meta;
  // So the SDK's core names them.
  const { workflow_id: coreJob, run_id: coreRun } = rest;
  const job = workflowId ?? coreJob;
  const known = { at, level, message, job, run: runId ?? workflowRunId ?? coreRun, step: stepId, seq };
  return JSON.stringify({ ...known, ...rest, ...known, error: messageOf(error) }, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
}

function messageOf(error: unknown): string | undefined {
  if (error === undefined) return undefined;
  return error instanceof Error ? error.message : String(error);
}
