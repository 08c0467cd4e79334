/** The calls that an undoing has to do with. */
import { isUndoId } from '../../../model/record/token.ts';
import type { Ledger } from '../../../store/ledger/ledger.ts';
import type { PerformRow } from '../../../store/ledger/perform-row.ts';

/**
 * Calls of steps that happened, or may have, and that changed something: of all generations, each once, in the order in
 * which they were begun. `stepId`: of that step alone.
 */
export function callsOf(ledger: Pick<Ledger, 'performs'>, jobId: string, stepId?: string): readonly PerformRow[] {
  const rows = ledger
    .performs(jobId, stepId)
    .filter((row) => !isUndoId(row.stepId) && row.inDoubt !== 'safe' && mayHaveHappened(row));
  // A generation that keeps an earlier one's call has a row of its own for it.
  return [...new Map(rows.map((row) => [`${row.stepId} ${row.key}`, row])).values()];
}

/** May it have happened, and nobody knows? */
export function isInDoubt({ state }: Pick<PerformRow, 'state'>): boolean {
  return state === 'about' || state === 'repeat';
}

function mayHaveHappened({ state, nonce }: PerformRow): boolean {
  // Without a nonce no attempt has begun to repeat it.
  return state === 'done' || state === 'kept' || state === 'about' || (state === 'repeat' && nonce !== '');
}
