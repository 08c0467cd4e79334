/** Calls in doubt: why a person is asked about a call, and how that ends the attempt. */
import { HoldfastError } from '../../model/failure.ts';
import type { PerformBasis, PerformRow } from '../../store/ledger/perform-row.ts';

export type DoubtKind = 'outcome-unknown' | 'performed-otherwise' | 'performed-and-not-asked-for';

export interface Doubt {
  readonly row: PerformRow;
  /** What the step asks for now; null: it doesn't ask for the call any more. */
  readonly wanted: (PerformBasis & { readonly text: string }) | null;
  readonly kind: DoubtKind;
  readonly why: string;
  /** For a person who answers `happened`: what the call's answer looks like. */
  readonly told?: string;
}

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
    `Whether ${names.join(', ')} of step ${stepId} happened is not known, or not as it is asked for now; a person is asked, and the step goes on when the question is answered.`,
    { stepId, names },
  );
}
