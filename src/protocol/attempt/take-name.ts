/**
 * Names of values, calls, commands and sub-steps in a step: a retry finds what is recorded by its name, so each is used
 * once.
 */
import { HoldfastError } from '../../model/failure.ts';
import type { Attempt } from './attempt.ts';

/** @param use as the code has written it: `ctx.once("name")` @throws HoldfastError `once-name-twice` */
export function takeName({ claim, stage }: Pick<Attempt, 'claim' | 'stage'>, name: string, use: string): void {
  if (stage.takenNames.has(name))
    throw new HoldfastError('once-name-twice', `${use}: step ${claim.row.stepId} has used the name before.`, { name });
  stage.takenNames.add(name);
}
