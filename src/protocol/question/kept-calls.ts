/** Calls that can't be undone, as a question about running their steps again names them. */
import { formatResource } from '../../model/record/resource.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { PerformRow } from '../../store/ledger/perform-row.ts';

export function resourceOfCall({ stepId, name }: Pick<PerformRow, 'stepId' | 'name'>): string {
  return formatResource({ kind: 'perform', stepId, name });
}

/** What may have changed something on the other side. */
export function isKept({ state, inDoubt }: Pick<PerformRow, 'state' | 'inDoubt'>): boolean {
  return state !== 'withdrawn' && inDoubt !== 'safe';
}

/** Calls that a step which runs again keeps. */
export function keptCalls(ledger: Ledger, jobId: string, stepIds: readonly string[]): string[] {
  return stepIds.flatMap((stepId) => ledger.performsInForce(jobId, stepId).filter(isKept).map(resourceOfCall));
}
