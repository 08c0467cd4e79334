/**
 * Calls in doubt, as a person is asked about them: the ledger has what is requested now, so that an answer holds for
 * exactly that.
 */
import type { Finding } from '../../../model/question/finding.ts';
import type { Ledger } from '../../../store/ledger/ledger.ts';
import type { PerformRow } from '../../../store/ledger/perform-row.ts';
import type { Claim } from '../claim.ts';
import { doubtFinding, type Doubt } from '../../question/doubt.ts';

/** By name. Call inside a transaction, by the current claim. */
export function noteDoubts(ledger: Ledger, claim: Claim, doubts: readonly Doubt[]): Finding[] {
  const { token, generation } = claim.row;
  return doubts
    .toSorted((a, b) => (a.row.name < b.row.name ? -1 : 1))
    .map((doubt) => {
      // A call of an earlier generation passes to this one.
      const row: PerformRow = { ...doubt.row, token, generation, wanted: doubt.wanted };
      ledger.putPerform(row);
      return doubtFinding({ ...doubt, row });
    });
}

/**
 * Calls of the claim's generation that are begun and not over, where the step can't go on for another reason.
 * @param why is shown with each
 */
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
