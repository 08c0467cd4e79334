/** Calls in doubt: how they end the attempt, and what the step's code sees of it. */
import { HoldfastError } from '../../model/failure.ts';
import type { Doubt } from '../question/doubt.ts';

/** Ends an attempt: a person is asked about these calls. */
export class InDoubt extends Error {
  override readonly name = 'InDoubt';
  readonly doubts: readonly Doubt[];
  constructor(doubts: readonly Doubt[]) {
    super(doubts.map(({ row, why }) => `${row.name}: ${why}`).join('; '));
    this.doubts = doubts;
  }
}

/** What the step's code sees of it. */
export function inDoubtError(stepId: string, names: readonly string[]): HoldfastError {
  return new HoldfastError(
    'in-doubt',
    `Whether ${names.join(', ')} of step ${stepId} happened is not known, or not as it is requested now; ` +
      'a person is asked, and the step goes on when the question is answered.',
    { stepId, names },
  );
}
