/** What a decision's record says of the calls of steps that run again. */
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { PerformRow } from '../../store/ledger/perform-row.ts';
import { isKept, resourceOfCall } from '../question/kept-calls.ts';
import type { SealedRepair } from './sealed-repair.ts';

/** `again`: the calls that are made anew, by resource. */
export function keptCallNotes(
  { ledger, jobId }: { readonly ledger: Ledger; readonly jobId: string },
  reruns: SealedRepair['reruns'],
  again: readonly string[],
): string[] {
  return reruns.flatMap(({ stepId, generation }) =>
    ledger
      .performsInForce(jobId, stepId, generation)
      .filter(isKept)
      .map((row) => {
        const resource = resourceOfCall(row);
        return `${resource}: ${again.includes(resource) ? 'it is made again, as decided' : whyKept(row)}`;
      }),
  );
}

function whyKept({ state }: PerformRow): string {
  return state === 'done' || state === 'kept'
    ? 'it cannot be undone; its recorded answer is kept'
    : 'whether it happened is not known; the step asks when it comes to it';
}
