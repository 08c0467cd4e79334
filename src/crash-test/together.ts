/**
 * Which kills share a run: those of different steps. Each process of it is killed in another step, so that a run costs
 * one start of a worker for each kill, and not two. Where such a run is not as it should be, each of its kills gets a
 * run of its own, and is judged by that alone. Pure.
 */
import { NO_STEP_OF_THE_JOB, type CrashCase } from './cases.ts';

/** A run that is killed oftener takes long until it says anything. */
const MOST_KILLS = 8;

/** Every case once, in the order of the first of each run. */
export function togetherInRuns(cases: readonly CrashCase[]): readonly (readonly CrashCase[])[] {
  const runs: CrashCase[][] = [];
  for (const test of cases) {
    const [kill] = test.kills;
    const isAlone = test.how !== 'kill' || test.kills.length !== 1 || NO_STEP_OF_THE_JOB.has(kill!.step);
    const fits = (run: readonly CrashCase[]): boolean =>
      isShared(run) && run.length < MOST_KILLS && run.every(({ kills }) => kills[0]!.step !== kill!.step);
    const shared = isAlone ? undefined : runs.find(fits);
    if (shared === undefined) runs.push([test]);
    else shared.push(test);
  }
  return runs;
}

function isShared([first]: readonly CrashCase[]): boolean {
  return first!.how === 'kill' && first!.kills.length === 1 && !NO_STEP_OF_THE_JOB.has(first!.kills[0]!.step);
}
