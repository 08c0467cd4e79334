/** Calls in doubt: why a person is asked about a call, and how that ends the attempt. */
import { HoldfastError } from '../../model/failure.ts';
import type { PerformBasis, PerformRow } from '../../store/ledger/perform-row.ts';

export type DoubtKind = 'outcome-unknown' | 'performed-otherwise' | 'performed-and-not-asked-for';

/** What a step requests of a call: the digests that its answer is based on, and the request's text for people. */
export type CallRequest = PerformBasis & { readonly text: string };

export interface Doubt {
  readonly row: PerformRow;
  /** What the step requests now; null: it doesn't request the call any more. */
  readonly wanted: CallRequest | null;
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
    `Whether ${names.join(', ')} of step ${stepId} happened is not known, or not as it is requested now; ` +
      'a person is asked, and the step goes on when the question is answered.',
    { stepId, names },
  );
}
