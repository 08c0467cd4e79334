/** The calls that an attempt has made, as its intent names them. */
import type { PerformEffect } from '../../model/record/effect.ts';
import { performEffects, unaskedDoubts, unrequestedCalls } from '../attempt/calls/unrequested.ts';
import { InDoubt } from '../attempt/in-doubt.ts';
import type { Claim } from '../attempt/claim.ts';
import type { Stage } from '../attempt/stage.ts';

/** Call once the code is over. @throws InDoubt for a call that the intent would leave out */
export function performedCalls(claim: Claim, stage: Stage): readonly PerformEffect[] {
  const unrequested = claim.mayHaveCalls ? claim.read((ledger) => unrequestedCalls(ledger, claim, stage)) : [];
  const doubts = unaskedDoubts(unrequested, stage);
  if (doubts.length > 0) throw new InDoubt(doubts);
  return performEffects(unrequested, stage);
}
