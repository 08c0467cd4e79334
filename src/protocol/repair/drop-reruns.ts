/** Attempts of steps that run again are refused at their next durable act; what they had sealed is dropped. */
import { usesOneOf } from '../../model/item-id.ts';
import type { Intent } from '../../model/record/intent.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import { withdraw } from '../question/ask.ts';
import { removeIntentLeftovers } from '../commit/leftovers.ts';
import type { RunningRepair } from './running/running-repair.ts';

export async function dropReruns(repair: RunningRepair): Promise<void> {
  const { context, sealed } = repair;
  const { ledger, jobId, workspace } = context;
  if (sealed.reruns.length === 0) return;
  const reruns = new Set(sealed.reruns.map(({ stepId }) => stepId));
  const dropped: Intent[] = [];
  ledger.transaction(() => {
    for (const claim of ledger.openClaims(jobId))
      if (repair.rerunsStep(claim.stepId))
        ledger.putClaim({ ...claim, state: 'closed', nonce: `void-${sealed.digest}` });
    for (const row of ledger.openIntents(jobId)) {
      if (row.state !== 'sealed' || !isVoid(repair, row, reruns)) continue;
      dropped.push(row.intent);
      dropIntent(repair, row.intent);
    }
  });
  for (const intent of dropped) await removeIntentLeftovers(workspace, intent);
}

/** What was sealed from a void output is void; nothing of it is applied. `uses` null: everything recorded before it. */
function isVoid(repair: RunningRepair, { intent, details: { uses } }: IntentRow, reruns: ReadonlySet<string>): boolean {
  return repair.rerunsStep(intent.stepId) || uses === null || usesOneOf(uses, reruns);
}

/** An approval dies with its draft. */
function dropIntent({ context: { ledger, jobId, caller }, sealed }: RunningRepair, { token }: Intent): void {
  ledger.dropIntent(token);
  for (const question of ledger.openQuestions(jobId))
    if (question.token === token && question.digest !== sealed.digest)
      withdraw(ledger, question, caller.runId, 'what the step was given is void');
}
