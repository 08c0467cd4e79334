/** What a run tells: the rows, how Holdfast's sub-step stands beside each, versions, and who is missing and why. */
import os from 'node:os';
import { median, summarise, verdict, type Summary, type Verdict } from '../statistics.ts';
import type { Arena } from './arena.ts';
import type { Shares } from './contender.ts';
import { OURS, PEERS } from './contenders.ts';
import type { Extent, Measured } from './measure.ts';

interface Row {
  readonly name: string;
  readonly what: string;
  /** Milliseconds a step: the median round, the fastest, the slowest. */
  readonly stepMs: Summary;
  /** The median whole job, opened and ended. */
  readonly jobMs: number;
  /** Milliseconds of computing a step: the mean of all rounds, for the kernel counts in hundredths of a second. */
  readonly cpuMs?: Shares;
  /** Calls a step. */
  readonly fsyncs?: Shares;
  /** Holdfast's sub-step divided by it, round by round. */
  readonly ours?: Summary;
}

export interface Result {
  readonly extent: Extent;
  readonly rows: readonly Row[];
  /** Contender → why. */
  readonly notMeasured: Readonly<Record<string, string>>;
  /** Is Holdfast's sub-step faster than each way of each peer? */
  readonly isAhead: Verdict | 'not measured';
  readonly versions: Readonly<Record<string, string>>;
  readonly postgres: Readonly<Record<string, string>>;
  readonly cores: number;
}

export async function resultOf(arena: Arena, measured: readonly Measured[], extent: Extent): Promise<Result> {
  const ours = measured.find(({ variant }) => variant.name === OURS);
  const rows = measured.map((one) => rowOf(one, ours));
  const against = measured.flatMap(({ contender }, index) => {
    const summary = rows[index]!.ours;
    return PEERS.includes(contender) && summary !== undefined ? [verdict(summary, 1)] : [];
  });
  return {
    extent,
    rows,
    notMeasured: Object.fromEntries(arena.absent),
    isAhead: overall(against),
    versions: {
      node: process.versions.node,
      ...Object.fromEntries(arena.contenders.flatMap(({ versions }) => Object.entries(versions))),
    },
    postgres: await arena.postgresSettings(),
    cores: os.availableParallelism(),
  };
}

function rowOf({ variant, stepMs, jobMs, cpuMs, fsyncs }: Measured, ours: Measured | undefined): Row {
  const ratios = ours === undefined || variant.name === OURS ? [] : stepMs.map((value, at) => ours.stepMs[at]! / value);
  return {
    ...variant,
    stepMs: { value: median(stepMs), low: Math.min(...stepMs), high: Math.max(...stepMs) },
    jobMs: median(jobMs),
    ...(cpuMs.length === 0 ? {} : { cpuMs: meanOf(cpuMs) }),
    ...(fsyncs === undefined ? {} : { fsyncs }),
    ...(ratios.length === 0 ? {} : { ours: summarise(ratios) }),
  };
}

function meanOf(shares: readonly Shares[]): Shares {
  const mean = (of: (share: Shares) => number): number =>
    shares.reduce((sum, share) => sum + of(share), 0) / shares.length;
  return { own: mean(({ own }) => own), postgres: mean(({ postgres }) => postgres) };
}

function overall(verdicts: readonly Verdict[]): Verdict | 'not measured' {
  if (verdicts.length === 0) return 'not measured';
  if (verdicts.includes(false)) return false;
  return verdicts.includes('undecided') ? 'undecided' : true;
}

function sharesText(shares: Shares | undefined): string {
  return shares === undefined ? '-' : `${shares.own.toFixed(1)} + ${shares.postgres.toFixed(1)}`;
}

const VERDICTS = { true: 'yes', false: 'no', undecided: 'undecided', 'not measured': 'not measured' };

export function table(result: Result): string {
  const header = [
    '',
    'ms a step (range)',
    'fsyncs',
    'CPU, ms',
    'sub-step by it (90 %)',
    `job of ${result.extent.steps}, ms`,
    '',
  ];
  const cells = result.rows.map(({ name, stepMs, fsyncs, cpuMs, ours, jobMs, what }) => [
    name,
    `${stepMs.value.toFixed(2)} (${stepMs.low.toFixed(2)} … ${stepMs.high.toFixed(2)})`,
    sharesText(fsyncs),
    sharesText(cpuMs),
    ours === undefined ? '' : `${ours.value.toFixed(2)} × (${ours.low.toFixed(2)} … ${ours.high.toFixed(2)})`,
    jobMs.toFixed(0),
    what,
  ]);
  const lines = [header, ...cells];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const text = lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
  const versions = Object.entries(result.versions).map(([name, version]) => `${name} ${version}`);
  const { server_version, ...settings } = result.postgres;
  return [
    ...text,
    '',
    'fsyncs, CPU: of its own processes (its code and its server) + of PostgreSQL, a step',
    `sub-step faster than each way of DBOS, Restate and LangGraph.js: ${VERDICTS[`${result.isAhead}`]}`,
    ...Object.entries(result.notMeasured).map(([name, why]) => `${name}: not measured. ${why}`),
    `${result.extent.rounds} rounds of ${result.extent.steps} steps, ${result.cores} cores`,
    [`PostgreSQL ${server_version}`, ...Object.entries(settings).map((setting) => setting.join(' '))].join(', '),
    versions.join(', '),
    '',
  ].join('\n');
}
