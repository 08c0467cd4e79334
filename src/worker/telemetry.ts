/** `telemetry` as a program gives it: names of all its floors, since the SDK passes over what it does not know. */
import { isIP } from 'node:net';
import type { TelemetryOptions } from '@temporalio/worker';
import { HoldfastError } from '../model/failure.ts';
import { refuseUnknownOptions } from '../model/options.ts';

type Names = Readonly<Record<string, true>>;
type Metrics = NonNullable<TelemetryOptions['metrics']>;
type Logging = NonNullable<TelemetryOptions['logging']>;
/** Of each part that a union has, the names. */
type NamesOf<T> = T extends unknown ? keyof T : never;
type Of<T, Name extends string> = T extends Readonly<Record<Name, infer Part>> ? NonNullable<Part> : never;

/** The compiler sees that none is missing. */
const TELEMETRY: Readonly<Record<NamesOf<TelemetryOptions>, true>> = {
  tracingFilter: true,
  noTemporalPrefixForMetrics: true,
  logging: true,
  metrics: true,
  tracing: true,
};
const METRICS: Readonly<Record<NamesOf<Metrics>, true>> = {
  temporality: true,
  metricPrefix: true,
  globalTags: true,
  attachServiceName: true,
  prometheus: true,
  otel: true,
  buffer: true,
};
const LOGGING: Readonly<Record<NamesOf<Logging>, true>> = { filter: true, console: true, forward: true };
const PROMETHEUS: Readonly<Record<NamesOf<Of<Metrics, 'prometheus'>>, true>> = {
  bindAddress: true,
  countersTotalSuffix: true,
  unitSuffix: true,
  useSecondsForDurations: true,
  histogramBucketOverrides: true,
};
const OTEL: Readonly<Record<NamesOf<Of<Metrics, 'otel'>>, true>> = {
  url: true,
  http: true,
  headers: true,
  metricsExportInterval: true,
  useSecondsForDurations: true,
  temporality: true,
  histogramBucketOverrides: true,
};

/** By path: what may stand there. */
const FLOORS: readonly (readonly [path: readonly string[], names: Names])[] = [
  [[], TELEMETRY],
  [['metrics'], METRICS],
  [['metrics', 'prometheus'], PROMETHEUS],
  [['metrics', 'otel'], OTEL],
  [['logging'], LOGGING],
  [['logging', 'console'], { format: true }],
  [['logging', 'forward'], { level: true }],
];
const EXPORTERS = ['prometheus', 'otel', 'buffer'] as const;

/** @throws HoldfastError `bad-input` that names what is unknown and what was probably meant */
export function checkTelemetry(telemetry: TelemetryOptions): void {
  for (const [path, names] of FLOORS) {
    const given = path.reduce<unknown>(
      (part, name) => (part as Record<string, unknown> | undefined)?.[name],
      telemetry,
    );
    if (given !== undefined) refuseUnknownOptions(['telemetry', ...path].join('.'), given as object, names);
  }
  const { metrics } = telemetry;
  if (metrics === undefined) return;
  const exporters = EXPORTERS.filter(
    (name) => (metrics as { readonly [Name in typeof name]?: unknown })[name] !== undefined,
  );
  if (exporters.length === 1) return checkAddress(metrics);
  const found = exporters.length === 0 ? 'none of them' : exporters.join(' and ');
  throw new HoldfastError(
    'bad-input',
    `telemetry.metrics says where metrics go by one of ${EXPORTERS.join(', ')}; found ${found}.`,
    { nextStep: "Give one of them, such as metrics: { prometheus: { bindAddress: '127.0.0.1:9464' } }." },
  );
}

const MAX_PORT = 65_535;

function checkAddress(metrics: Metrics): void {
  if (!('prometheus' in metrics)) return;
  const { bindAddress } = metrics.prometheus;
  if (isBindAddress(bindAddress)) return;
  throw new HoldfastError(
    'bad-input',
    `telemetry.metrics.prometheus.bindAddress is ${JSON.stringify(bindAddress)}. Expected ${BIND_ADDRESS}.`,
  );
}

/** For messages. */
export const BIND_ADDRESS = 'an address in numbers and a port up to 65535, for example 127.0.0.1:9464';

/** The SDK looks up no names: `localhost` is none. */
export function isBindAddress(text: unknown): boolean {
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(String(text));
  if (parts === null || Number(parts[3]) > MAX_PORT) return false;
  return parts[1] === undefined ? isIP(parts[2]!) === 4 : isIP(parts[1]) === 6;
}
