/** The rounds: in each, every variant runs one job, in turns which first. Then, not timed, the fsyncs. */
import type { Ran, Shares, Variant } from './contender.ts';
import type { Arena } from './arena.ts';
import { checkAndClear } from './checked-work.ts';
import { countFsyncs } from './fsyncs.ts';
import type { RunningContender } from './running-contender.ts';

export interface Extent {
  readonly rounds: number;
  readonly steps: number;
}

/** In the first ones code is compiled, tables are read for the first time, files are made. */
const WARM_ROUNDS = 2;
/** So many more steps in the longer of two jobs: what a job costs besides its steps cancels out. */
const FSYNC_STEPS = { short: 10, long: 40 };

export interface Measured {
  readonly variant: Variant;
  readonly contender: string;
  /** One value a round, of the same rounds for all. */
  readonly stepMs: number[];
  readonly jobMs: number[];
  /** Milliseconds of computing a step; empty where it can't be told. */
  readonly cpuMs: Shares[];
  fsyncs?: Shares;
}

interface Entrant {
  readonly contender: RunningContender;
  readonly measured: Measured;
}

export async function measure(
  arena: Arena,
  only: ReadonlySet<string>,
  extent: Extent,
  say: (line: string) => void,
): Promise<readonly Measured[]> {
  let entrants: readonly Entrant[] = arena.contenders.flatMap((contender) =>
    contender.kind.variants
      .filter(({ name }) => only.has(name))
      .map((variant) => ({
        contender,
        measured: { variant, contender: contender.kind.name, stepMs: [], jobMs: [], cpuMs: [] },
      })),
  );
  const drop = async (contender: RunningContender, error: unknown): Promise<void> => {
    entrants = entrants.filter((entrant) => entrant.contender !== contender);
    await arena.dismiss(contender, error instanceof Error ? error.message : String(error));
  };
  for (let round = 1 - WARM_ROUNDS; round <= extent.rounds; round++) {
    for (const { contender, measured } of inTurns(entrants, round + WARM_ROUNDS)) {
      if (!arena.contenders.includes(contender)) continue;
      try {
        const ran = await runChecked(contender, measured.variant.name, extent.steps);
        if (round < 1) continue;
        if (ran.cpuMs !== undefined) measured.cpuMs.push(ran.cpuMs);
        measured.stepMs.push(ran.stepMs);
        measured.jobMs.push(ran.jobMs);
      } catch (error) {
        await drop(contender, error);
      }
    }
    const times = entrants.map(({ measured }) => `${measured.variant.name} ${measured.stepMs.at(-1)?.toFixed(1)}`);
    say(round < 1 ? '  warming up …' : `  round ${round} of ${extent.rounds}, ms a step: ${times.join(', ')}`);
  }
  await countAll(arena, entrants, say);
  return entrants.map(({ measured }) => measured);
}

/** In every round another one is the first. */
function inTurns<T>(all: readonly T[], round: number): readonly T[] {
  const first = all.length === 0 ? 0 : round % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

let jobs = 0;

async function runChecked(contender: RunningContender, variant: string, steps: number): Promise<Ran> {
  const job = `${variant}-${(jobs += 1)}`;
  const ran = await contender.run({ variant, job, steps });
  await checkAndClear(contender.place, job, steps);
  return ran;
}

async function countAll(arena: Arena, entrants: readonly Entrant[], say: (line: string) => void): Promise<void> {
  try {
    for (const { contender, measured } of entrants) {
      say(`  ${measured.variant.name}: counting fsyncs …`);
      const roots = { own: contender.pid, postgres: arena.postgresPid, folder: arena.folder };
      const count = async (steps: number): Promise<Shares> =>
        await countFsyncs(roots, async () => void (await runChecked(contender, measured.variant.name, steps)));
      const [short, long] = [await count(FSYNC_STEPS.short), await count(FSYNC_STEPS.long)];
      const more = FSYNC_STEPS.long - FSYNC_STEPS.short;
      measured.fsyncs = { own: (long.own - short.own) / more, postgres: (long.postgres - short.postgres) / more };
    }
  } catch (error) {
    say(`fsyncs: not counted. ${error instanceof Error ? error.message : String(error)}`);
  }
}
