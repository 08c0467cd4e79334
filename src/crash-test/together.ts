/**
 * Which kills share a run: those of different steps. Each process of it is killed in another step, so that a run costs
 * one start of a worker for each kill, and not two. Where such a run is not as it should be, each of its kills gets a
 * run of its own, and is judged by that alone. Pure.
 */
import type { CrashCase } from './cases.ts';
import { isOfNoStep } from './no-step.ts';

/** A run that is killed oftener takes long until it says anything. */
const MOST_KILLS = 8;

/** Each case once, in the order of the first of each run. @param cases in the order in which their points are passed */
export function togetherInRuns(cases: readonly CrashCase[]): readonly (readonly CrashCase[])[] {
  const runs: CrashCase[][] = [];
  for (const test of cases) {
    const step = stepAlone(test);
    const fits = (run: readonly CrashCase[]): boolean =>
      run.length < MOST_KILLS && canBeShared(run[0]!) && !run.some((other) => stepAlone(other) === step);
    const shared = step === undefined ? undefined : runs.find(fits);
    if (shared === undefined) runs.push([test]);
    else shared.push(test);
  }
  return runs;
}

/** By kills that come after it. */
function canBeShared(first: CrashCase): boolean {
  return stepAlone(first) !== undefined || isMetFirst(first);
}

/** The step of the only kill. Undefined: it is of none, or more is done than one kill. */
function stepAlone({ how, kills: [kill, ...more] }: CrashCase): string | undefined {
  if (how !== 'kill' || kill === undefined || more.length > 0 || isOfNoStep(kill.step)) return undefined;
  return kill.step;
}

/** The first passing of a point of no step: the first process meets it, before what comes after it. */
function isMetFirst({ how, kills: [kill, ...more] }: CrashCase): boolean {
  return how === 'kill' && kill !== undefined && more.length === 0 && isOfNoStep(kill.step) && kill.hit === 1;
}
