/** Calls whose recorded answers are kept when their steps run again, as a question about that names them. */
import { isPartOf } from '../../model/sub-step-id.ts';
import { formatResource } from '../../model/record/resource.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { PerformRow } from '../../store/ledger/perform-row.ts';

/** Calls of a step and its sub-steps, up to a generation. Default: all. */
export function callsInForce(ledger: Ledger, jobId: string, stepId: string, upTo?: number): readonly PerformRow[] {
  return ledger.performsInForce(jobId, undefined, upTo).filter((row) => isPartOf(row.stepId, stepId));
}

/** Those that may have changed something on the other side, which nothing undoes. */
export function isKept({ state, inDoubt }: Pick<PerformRow, 'state' | 'inDoubt'>): boolean {
  return state !== 'withdrawn' && inDoubt !== 'safe';
}

export function resourceOfCall({ stepId, name }: Pick<PerformRow, 'stepId' | 'name'>): string {
  return formatResource({ kind: 'perform', stepId, name });
}
