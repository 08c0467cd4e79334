/**
 * Which kills share a run: those of different steps. Each process of it is killed in another step, so that a run costs
 * one start of a worker for each kill, and not two. Where such a run is not as it should be, each of its kills gets a
 * run of its own, and is judged by that alone. Pure.
 */
import type { CrashCase } from './cases.ts';
import { OF_JOB, OF_WORKER } from './child/order.ts';

/** A run that is killed oftener takes long until it says anything. */
const MOST_KILLS = 8;

/** Every case once, in the order of the first of each run. */
export function togetherInRuns(cases: readonly CrashCase[]): readonly (readonly CrashCase[])[] {
  const runs: CrashCase[][] = [];
  for (const test of cases) {
    const step = stepAlone(test);
    const steps = (run: readonly CrashCase[]): readonly (string | undefined)[] => run.map(stepAlone);
    const fits = (run: readonly CrashCase[]): boolean =>
      run.length < MOST_KILLS && !steps(run).includes(undefined) && !steps(run).includes(step);
    const shared = step === undefined ? undefined : runs.find(fits);
    if (shared === undefined) runs.push([test]);
    else shared.push(test);
  }
  return runs;
}

/** The step of the only kill. Undefined: it has a run of its own. */
function stepAlone({ how, kills: [kill, ...more] }: CrashCase): string | undefined {
  if (how !== 'kill' || kill === undefined || more.length > 0) return undefined;
  return kill.step === OF_JOB || kill.step === OF_WORKER ? undefined : kill.step;
}
