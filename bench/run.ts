/**
 * `npm run bench`: the figures of docs/performance.md. `--only NAME` (may be given again) measures these, `--quick`
 * fewer and shorter rounds, `--json` prints one object: name → value, low, high, bound, unit, holds. What can't be
 * measured is said, and the others are measured none the less.
 */
import { parseArgs } from 'node:util';
import { BenchServer } from './bench-server.ts';
import type { Figure, FigureContext, FigureResult } from './figure.ts';
import {
  encryption,
  guardedStep,
  guardedStepAtOnce,
  guardedStepPostgres,
  historyBytes,
  longJob,
  veryLongJob,
} from './figures/steps.ts';
import { checkpointDisk, lateCheckpoint } from './figures/checkpoints.ts';
import { commandOnManyFiles } from './figures/command.ts';
import { rewindPostgres, rewindSteps } from './figures/rewind.ts';
import { fork1000Files } from './figures/forking.ts';
import { sealFolder, sealPostgres } from './figures/sealing.ts';
import { subStep, subStepEffects, subStepPostgres, subStepsLate } from './figures/sub-steps.ts';
import { verifyGibibyte, verifyQuickly, verifySmallFiles } from './figures/verification.ts';
import { langGraphPostgres, langGraphSqlite } from './figures/langgraph.ts';
import { memoryGrowth, takeOver } from './figures/worker.ts';
import { summarise, verdict } from './statistics.ts';
import { exitOnSignals } from './temporary-directory.ts';

const FIGURES: readonly Figure[] = [
  guardedStep,
  guardedStepAtOnce,
  guardedStepPostgres,
  encryption,
  longJob,
  veryLongJob,
  historyBytes,
  subStep,
  subStepEffects,
  subStepPostgres,
  subStepsLate,
  sealFolder,
  sealPostgres,
  lateCheckpoint,
  checkpointDisk,
  rewindSteps,
  rewindPostgres,
  fork1000Files,
  verifyGibibyte,
  verifySmallFiles,
  verifyQuickly,
  commandOnManyFiles,
  langGraphSqlite,
  langGraphPostgres,
  memoryGrowth,
  takeOver,
];

const HELP = `npm run bench                   every figure, about 20 minutes on two idle cores
npm run bench -- --quick        fewer and shorter rounds, about 4 minutes
npm run bench -- --only NAME    one figure; may be given again
npm run bench -- --address A    on the server at HOST:PORT, its namespace "default", in place of a development server
npm run bench -- --json         one object: name to value, low, high, bound, unit, holds
npm run bench:peers             a step beside DBOS, Restate, LangGraph.js and Temporal (--help tells more)
Figures: ${FIGURES.map(({ name }) => name).join(', ')}
docs/performance.md tells what they are.`;

const WRONG_USAGE = 2;
const NOT_MEASURED = 3;

exitOnSignals();
process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean' },
      json: { type: 'boolean' },
      quick: { type: 'boolean' },
      only: { type: 'string', multiple: true },
      address: { type: 'string' },
    },
  });
  if (values.help === true) {
    console.log(HELP);
    return 0;
  }
  const unknown = (values.only ?? []).filter((name) => !FIGURES.some((figure) => figure.name === name));
  if (unknown.length > 0) {
    process.stderr.write(
      `holdfast: no figure is named ${unknown.join(', ')}; there are ${FIGURES.map(({ name }) => name).join(', ')}.\n`,
    );
    return WRONG_USAGE;
  }
  const figures = FIGURES.filter(({ name, takesMinutes = false }) =>
    values.only === undefined ? !(takesMinutes && values.quick === true) : values.only.includes(name),
  );
  const results = await measureAll(figures, values.quick === true, values.address);
  const measured = figures.filter(({ name }) => name in results);
  console.log(values.json === true ? JSON.stringify(results, null, 2) : table(measured, results));
  if (measured.length < figures.length) return NOT_MEASURED;
  return Object.values(results).some(({ holds }) => holds === false) ? 1 : 0;
}

/** What can't be measured is left out. */
async function measureAll(
  figures: readonly Figure[],
  isQuick: boolean,
  address: string | undefined,
): Promise<Readonly<Record<string, FigureResult>>> {
  let server: Promise<BenchServer> | undefined;
  const context: FigureContext = { isQuick, say, server: () => (server ??= BenchServer.start(say, address)) };
  const results: Record<string, FigureResult> = {};
  for (const figure of figures) {
    say(`${figure.name}: ${figure.what} …`);
    try {
      const summary = summarise(await figure.measure(context));
      const { bound, unit } = figure;
      results[figure.name] = { ...summary, bound, unit, holds: verdict(summary, bound) };
    } catch (error) {
      say(`${figure.name} is not measured: ${reasonOf(error)}`);
    }
  }
  const started = await server?.catch(() => undefined);
  await started?.close();
  return results;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.stack}${error.cause === undefined ? '' : `\ncause: ${String(error.cause)}`}`;
}

function table(figures: readonly Figure[], results: Readonly<Record<string, FigureResult>>): string {
  const rows = figures.map(({ name, what }) => {
    const { value, low, high, bound, unit, holds } = results[name]!;
    const range = low === high ? '' : ` (${rounded(low)} … ${rounded(high)})`;
    return [
      name,
      `${rounded(value)} ${unit}${range}`,
      `< ${rounded(bound)} ${unit}`,
      holds === 'undecided' ? 'undecided' : holds ? 'holds' : 'DOES NOT HOLD',
      what,
    ];
  });
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).join('\n');
}

function rounded(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

/** Progress goes to standard error: what is printed in the end stays clean for pipes. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
