/** What follows for an attempt from what came of applying its intent. Call under the lock. */
import type { RunStepResult } from '../../model/job/run-step.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import type { ApplyOutcome } from '../commit/apply-outcome.ts';
import { removeIntentLeftovers } from '../commit/leftovers.ts';
import { conflictFindings } from '../question/conflict.ts';
import { askAboutStep } from './ask-about-step.ts';
import { putSeal } from './seal-step.ts';
import { recordStep } from './record-step.ts';
import { dropStaleDraft } from './stale-draft.ts';
import type { AttemptResult, SealedAttempt } from './step-run.ts';

/** `settings`: as they are now. */
export async function concludeAttempt(
  sealed: SealedAttempt,
  outcome: ApplyOutcome,
  settings: JobSettings,
): Promise<AttemptResult> {
  const { workspace, request, claim, ledger, row } = sealed;
  switch (outcome.kind) {
    case 'must-verify':
      return stepAside(sealed, await askOrVerify(sealed, outcome, settings));
    case 'stale':
      return await dropStaleDraft(sealed, outcome.resource, settings);
    case 'conflicts': {
      const findings = await conflictFindings(workspace, settings, row.intent, outcome.conflicts);
      const why = `step ${request.stepId} was half applied when its target changed`;
      return stepAside(sealed, askAboutStep(sealed, ledger, findings, why));
    }
    case 'applied':
      if (claim.row.attempts > 1) await removeIntentLeftovers(workspace, row.intent);
      return recordStep(sealed, outcome);
  }
}

/** The attempt ends without a record; its sealed intent waits for the next one. */
export function stepAside(sealed: SealedAttempt, result: RunStepResult): RunStepResult {
  const { claim, ledger, row } = sealed;
  ledger.transaction(
    () => {
      // It may not be sealed yet: without a seal its code would run anew at every request.
      putSeal(sealed, ledger, row);
      claim.update(ledger, { state: 'closed' });
    },
    { relaxed: true },
  );
  return result;
}

/** A question where the work can say what has drifted; otherwise the whole world is compared. */
async function askOrVerify(
  sealed: SealedAttempt,
  { detail, resource }: Extract<ApplyOutcome, { kind: 'must-verify' }>,
  settings: JobSettings,
): Promise<RunStepResult> {
  const { work, ledger } = sealed;
  const findings =
    resource === undefined ? undefined : await work.driftFindings?.(ledger, settings, { message: detail, resource });
  return findings !== undefined && findings.length > 0
    ? askAboutStep(sealed, ledger, findings, detail)
    : { kind: 'verification-required', reason: 'target-differs', detail };
}
