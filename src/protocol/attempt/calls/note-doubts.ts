/**
 * How calls in doubt are put to a person: the ledger has what is requested now, so that an answer holds for exactly
 * that.
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
