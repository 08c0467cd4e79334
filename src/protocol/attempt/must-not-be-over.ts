/** What a step's code still calls once it has ended: refused, and not by the end of the worker. */
import { HoldfastError } from '../../model/failure.ts';
import type { Attempt } from './attempt.ts';

/** @param what as the code calls it @throws HoldfastError `fenced` when the step's code has ended */
export function mustNotBeOver({ stage, claim }: Pick<Attempt, 'stage' | 'claim'>, what: string): void {
  if (!stage.isOver) return;
  throw new HoldfastError(
    'fenced',
    `Step ${claim.row.stepId} has ended; ${what} came after its end and does nothing. Await what the step calls.`,
    { stepId: claim.row.stepId },
  );
}
