/**
 * `npm run bench:peers`: a step that writes one file of 1 KiB and one row into PostgreSQL, by Holdfast and by others,
 * in one run.
 *
 * Invariant: all that it starts ends with it, also by Ctrl-C, and its temporary folders go; the packages that it
 * fetched stay in the user's cache.
 */
import { parseArgs } from 'node:util';
import { exitOnSignals } from '../temporary-directory.ts';
import { Arena } from './arena.ts';
import type { ContenderKind } from './contender.ts';
import { CONTENDERS, OURS } from './contenders.ts';
import { KILLS_HELP, runKills } from './kills/run.ts';
import { measure } from './measure.ts';
import { resultOf, table, type Result } from './result.ts';

const WRONG_USAGE = 2;
const NOT_MEASURED = 3;
const WHOLE = { rounds: 15, steps: 50 };
const QUICK = { rounds: 5, steps: 30 };

const HELP = `npm run bench:peers                    Holdfast beside others, some 3 minutes once the packages are there
npm run bench:peers -- --quick         fewer and shorter rounds
npm run bench:peers -- --only NAME     this row and Holdfast's sub-step; may be given again
npm run bench:peers -- --json          one object: versions, rows, what is not measured and why
Rows: ${CONTENDERS.flatMap(({ variants }) => variants.map(({ name }) => name)).join(', ')}

${KILLS_HELP}`;

exitOnSignals();
process.exitCode = await main();

async function main(): Promise<number> {
  const [first, ...others] = process.argv.slice(2);
  if (first === 'kills') return await runKills(others);
  const names = CONTENDERS.flatMap(({ variants }) => variants.map(({ name }) => name));
  const chosen = readArguments(names);
  if (typeof chosen === 'number') return chosen;
  const kinds = CONTENDERS.filter(({ variants }) => variants.some(({ name }) => chosen.only.has(name)));
  const result = await compare(kinds, chosen);
  process.stdout.write(chosen.isJson ? `${JSON.stringify(result, null, 2)}\n` : table(result));
  if (Object.keys(result.notMeasured).length > 0) return NOT_MEASURED;
  return result.isAhead === false ? 1 : 0;
}

async function compare(kinds: readonly ContenderKind[], { only, isQuick }: Chosen): Promise<Result> {
  const extent = isQuick ? QUICK : WHOLE;
  const arena = await Arena.open(kinds, say);
  try {
    return await resultOf(arena, await measure(arena, only, extent, say), extent);
  } finally {
    await arena.close();
  }
}

interface Chosen {
  readonly only: ReadonlySet<string>;
  readonly isQuick: boolean;
  readonly isJson: boolean;
}

/** A number is an exit code: what there was to say has been said. */
function readArguments(names: readonly string[]): Chosen | number {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        json: { type: 'boolean' },
        quick: { type: 'boolean' },
        help: { type: 'boolean' },
        only: { type: 'string', multiple: true },
      },
    }));
  } catch (error) {
    return wrongUsage((error as Error).message);
  }
  if (values.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  const unknown = (values.only ?? []).filter((name) => !names.includes(name));
  if (unknown.length > 0) return wrongUsage(`no row is named ${unknown.join(', ')}`);
  const only = new Set(values.only === undefined ? names : [OURS, ...values.only]);
  return { only, isQuick: values.quick === true, isJson: values.json === true };
}

function wrongUsage(what: string): number {
  process.stderr.write(`holdfast: ${what}.\n${HELP}`);
  return WRONG_USAGE;
}

/** Progress goes to standard error: what is printed in the end stays clean for pipes. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
