/** Calls of a step that are begun and not over, where the step can't go on for another reason. */
import type { Ledger } from '../../../store/ledger/ledger.ts';
import type { Claim } from '../claim.ts';
import type { Doubt } from '../../question/doubt.ts';

/** Those of the claim's generation. `why` is shown with each. */
export function begunDoubts(ledger: Ledger, claim: Claim, why: string): Doubt[] {
  const { jobId, stepId, generation, token } = claim.row;
  return ledger
    .performsInForce(jobId, stepId, generation)
    .filter((row) => row.token === token && row.state === 'about' && row.inDoubt !== 'safe')
    .map((row) => ({
      row,
      wanted: row.answers === null ? null : { ...row.answers, text: row.request.text },
      kind: 'outcome-unknown',
      why,
    }));
}
