/** What a person answers to an undoing's question: the ledger has it for when the undoing is requested again. */
import type { Answer } from '../../../model/question/answer.ts';
import type { Finding } from '../../../model/question/finding.ts';
import { removeIntentLeftovers } from '../../commit/leftovers.ts';
import type { RunningRepair } from '../running/running-repair.ts';
import { countAsNotMade, settleCall } from './settle-calls.ts';

export async function ruleOnUndoing(repair: RunningRepair, finding: Finding): Promise<void> {
  const { token } = repair.question;
  const answer = repair.answerOf(finding);
  if (token === undefined || answer === 'abort' || answer === 'recheck') return;
  if (finding.kind === 'outcome-unknown') return ruleOnCall(repair, finding, answer);
  const { ledger, workspace } = repair.context;
  const intent = ledger.intent(token);
  ledger.transaction(() => {
    // What was sealed before the answer doesn't know of it; nothing of it is applied.
    if (intent?.state === 'sealed') ledger.dropIntent(token);
    putRuling(repair, token, finding, answer);
    const claim = ledger.claim(token);
    // Its attempts count anew.
    if (claim !== undefined) ledger.putClaim({ ...claim, state: 'closed', failures: 0, dropped: 0 });
  });
  if (intent?.state === 'sealed') await removeIntentLeftovers(workspace, intent.intent);
  repair.note(`${finding.resource}: ${intent?.state === 'applying' ? HALF_APPLIED : outcomeOf(answer)}`);
}

const HALF_APPLIED = 'its undoing is half applied, and can only be finished; it is tried again';

function outcomeOf(answer: Answer): string {
  switch (answer) {
    case 'skip':
      return 'it stays as it is';
    case 'overwrite':
      return 'it is put back all the same; what was found is captured';
    default:
      return 'it is tried again';
  }
}

function ruleOnCall(repair: RunningRepair, finding: Finding, answer: Answer): void {
  repair.note(answer === 'happened' ? settleCall(repair, finding, answer) : countAsNotMade(repair, finding));
}

function putRuling({ context, sealed }: RunningRepair, token: string, { resource }: Finding, answer: Answer): void {
  if (answer !== 'skip' && answer !== 'overwrite') return;
  const { by, reason } = sealed.decision;
  const found = sealed.found[resource] ?? null;
  context.ledger.rulings.put({ token, jobId: context.jobId, resource, answer, found, by, reason });
}
