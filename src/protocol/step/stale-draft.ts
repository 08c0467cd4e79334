/** Drops a draft because something that the step read or replaces has changed since. Call under the lock. */
import { HoldfastError } from '../../model/failure.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import { uriOf } from '../../model/record/effect.ts';
import { withdraw } from '../question/ask.ts';
import { askAboutStep, askStuck } from './ask-about-step.ts';
import type { AttemptResult, SealedAttempt } from './step-run.ts';

/** How often a draft is dropped because what it read keeps changing, before a person is asked. */
const MAX_DROPPED_DRAFTS = 3;

/** Known to the record, the change is drift; otherwise the step runs again on what is there now. */
export async function dropStaleDraft(
  sealed: SealedAttempt,
  resource: string,
  settings: JobSettings,
): Promise<AttemptResult> {
  const { caller, request, work, ledger, row } = sealed;
  const { jobId, stepId } = request;
  const why = `${resource} is not as recorded`;
  const isRecorded = ledger.manifestEntry(jobId, resource) !== undefined;
  // A target that has changed is seen when the undoing is made again, and is asked about then.
  const isTarget = row.intent.effects.some((effect) => uriOf(effect) === resource);
  const findings =
    isRecorded && !isTarget ? await work.driftFindings?.(ledger, settings, { message: why, resource }) : undefined;
  const dropped = ledger.transaction(() => dropDraft(sealed));
  if (findings !== undefined && findings.length > 0) return askAboutStep(sealed, ledger, findings, why);
  if (isRecorded && work.driftFindings === undefined)
    return { kind: 'verification-required', reason: 'target-differs', detail: why };
  caller.log(`${resource} has changed since step ${stepId} read it; the step runs again`, { stepId, dropped });
  if (dropped < MAX_DROPPED_DRAFTS) return 'again';
  const failure = new HoldfastError(
    'stale-world',
    `What step ${stepId} reads keeps changing: ${resource} changed ${dropped} times while the step ran.`,
  );
  return askStuck(sealed, ledger, failure, { kind: 'inputs-keep-changing' });
}

/** Nothing of it was applied. An approval dies with its draft. Returns how many drafts of this token were dropped. */
function dropDraft({ caller, request, work, claim, ledger, row }: SealedAttempt): number {
  ledger.dropIntent(row.intent.token);
  for (const question of ledger.openQuestions(request.jobId)) {
    if (question.token === work.token && question.kind === 'approval')
      withdraw(ledger, question, caller.runId, 'the draft was dropped');
  }
  const dropped = claim.row.dropped + 1;
  // Each value holds while what was read before it is the same, whatever else has changed.
  ledger.once.handOn(work.token, claim.row.draft);
  claim.update(ledger, { state: 'closed', dropped, draft: claim.row.draft + 1 });
  return dropped;
}
