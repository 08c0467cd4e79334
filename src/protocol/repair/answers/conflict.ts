/** `skip` and `overwrite`: what becomes of a half-applied intent's target that is neither as before nor as wanted. */
import { uriOf } from '../../../model/record/effect.ts';
import type { IntentRow } from '../../../store/ledger/intents.ts';
import type { Finding } from '../../../model/question/finding.ts';
import type { Question } from '../../../model/question/question.ts';
import { ABSENT } from '../../../model/record/world.ts';
import type { Ledger } from '../../../store/ledger/ledger.ts';
import type { RunningRepair } from '../running/running-repair.ts';
import { captureFound } from './accept.ts';

/** The record then has what was found, as with `accept`. */
export async function skipTarget(repair: RunningRepair, { resource }: Finding): Promise<void> {
  await captureFound(repair, resource);
  if (markTarget(repair, resource, 'skipped')) repair.note(`${resource}: skipped; what was found stays`);
}

export function overwriteTarget(repair: RunningRepair, { resource }: Finding): void {
  if (markTarget(repair, resource, 'overwrite'))
    repair.note(`${resource}: will be replaced; what was found is captured`);
}

/** The step's own question names the intent's token; the question of a comparison names the intent's target alone. */
export function intentInConflict(ledger: Ledger, question: Question, resource: string): IntentRow | undefined {
  if (question.token !== undefined) return ledger.intent(question.token);
  const jobId = question.kind === 'foreign' ? ledger.boundJobId() : question.jobId;
  return ledger
    .openIntents(jobId ?? question.jobId)
    .find(({ state, intent }) => state === 'applying' && intent.effects.some((effect) => uriOf(effect) === resource));
}

/** False: no intent is to apply anything to the resource any more. */
function markTarget(
  { context: { ledger }, question, sealed }: RunningRepair,
  resource: string,
  outcome: 'skipped' | 'overwrite',
): boolean {
  const row = intentInConflict(ledger, question, resource);
  if (row === undefined) return false;
  const index = row.intent.effects.findIndex((effect) => uriOf(effect) === resource);
  if (index < 0) return false;
  const after = sealed.found[resource] ?? ABSENT;
  ledger.transaction(() => ledger.markEffect(row.intent.token, index, { outcome, after }));
  return true;
}
