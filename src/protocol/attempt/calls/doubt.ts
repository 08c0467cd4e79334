/**
 * Calls that are in doubt, and what a person is asked about them. What an answer makes of them: repair/settle-calls.ts.
 *
 * Invariants
 * 1. A question names the call as the ledger has it and as the step wants it now.
 * 2. What was called and is not in the record is asked about before its step is recorded without it.
 */
import type { Finding } from '../../../model/question/finding.ts';
import type { Ledger } from '../../../store/ledger/ledger.ts';
import type { PerformRow } from '../../../store/ledger/perform-row.ts';
import type { Claim } from '../claim.ts';
import { doubtFinding, type Doubt } from '../../question/doubt.ts';

/** Notes in the ledger what is wanted now and returns the findings. Inside a transaction, by the current claim. */
export function noteDoubts(ledger: Ledger, claim: Claim, doubts: readonly Doubt[]): Finding[] {
  const { token, generation } = claim.row;
  return doubts
    .toSorted((a, b) => (a.row.name < b.row.name ? -1 : 1))
    .map((doubt) => {
      // An earlier generation's call is this one's matter now.
      const row: PerformRow = { ...doubt.row, token, generation, wanted: doubt.wanted };
      ledger.putPerform(row);
      return doubtFinding({ ...doubt, row });
    });
}
