/** `approve` and `reject`: a person's yes or no to one sealed intent. */
import type { RunningRepair } from '../running/running-repair.ts';

/** The decision's record says which intent is approved; the step applies it when it is requested again. */
export function approve({ question, notes }: RunningRepair): void {
  notes.push(`step ${question.stepId ?? ''} applies exactly what was shown`);
}

/** The intent is dropped. Its step runs again and is told the reason, or its Workflow is, as the step's call says. */
export function reject({ context: { ledger }, question, sealed, notes }: RunningRepair): void {
  const claim = question.token === undefined ? undefined : ledger.claim(question.token);
  if (claim === undefined) return;
  const { reason, by } = sealed.decision;
  ledger.transaction(() => {
    ledger.dropIntent(claim.token);
    ledger.putClaim({
      ...claim,
      state: 'closed',
      draft: claim.draft + 1,
      rejection: { reason, by, at: new Date().toISOString() },
    });
  });
  notes.push(`nothing of step ${claim.stepId} is applied, and it is told the reason`);
}
