/** `reject`: a sealed intent is dropped, and its step runs again and is told the reason. */
import type { RunningRepair } from './running-repair.ts';

export function reject({ context: { ledger }, question, sealed, notes }: RunningRepair): void {
  const claim = question.token === undefined ? undefined : ledger.claim(question.token);
  if (claim === undefined) return;
  const { reason, by } = sealed.decision;
  ledger.transaction(() => {
    ledger.setIntentState(claim.token, 'dropped');
    ledger.putClaim({ ...claim, state: 'closed', draft: claim.draft + 1, rejection: { reason, by } });
  });
  notes.push(`step ${claim.stepId} runs again and is told the reason`);
}
