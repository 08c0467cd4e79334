/**
 * Applies the sealed intent of a step.
 *
 * Invariants
 * 1. Only the attempt that holds the token's claim applies, and only where nothing stands in the way at that moment.
 * 2. What may take long (writing large files) happens before the lock is taken.
 */
import { isFailure } from '../../model/failure.ts';
import { invariant } from '../../model/invariant.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import type { JobRow } from '../../store/ledger/jobs.ts';
import { isRecordTrouble } from '../question/workspace.ts';
import { applyIntent } from '../commit/apply.ts';
import { discardFiles, overridesOf, prepareFiles, type PreparedFiles } from '../commit/prepare.ts';
import { concludeAttempt, stepAside } from './conclude-attempt.ts';
import { sealIntent, withContents } from './seal-step.ts';
import { mustNotBeVoid, obstacleToApplying } from './obstacles.ts';
import type { AttemptResult, SealedAttempt, StepAttempt } from './step-run.ts';

/** @throws HoldfastError as `applyIntent`, and `fenced`; MustVerify */
export async function applySealed(attempt: StepAttempt, row: IntentRow): Promise<AttemptResult> {
  const { workspace, claim } = attempt;
  const overrides =
    row.state === 'applying'
      ? await workspace.exclusive('read marks', (ledger) => overridesOf(ledger, row))
      : undefined;
  const prepared = await prepareFiles(workspace, row, overrides);
  try {
    return await workspace.exclusive('apply', async (ledger) => {
      const sealed: SealedAttempt = { ...attempt, ledger, row };
      const { job, obstacle } = ledger.reading(() => {
        claim.mustBeCurrent(ledger);
        if (row.state !== 'applying') mustNotBeVoid(attempt, ledger);
        return obstacleToApplying(attempt, ledger);
      });
      return obstacle === undefined ? await applyPrepared(sealed, job, prepared) : stepAside(sealed, obstacle);
    });
  } finally {
    discardFiles(workspace, prepared);
  }
}

/** In one hold of the lock with the seal, which has just seen that the attempt is current. */
export async function applyInSameHold(
  sealed: SealedAttempt,
  { job, obstacle }: ReturnType<typeof obstacleToApplying>,
): Promise<AttemptResult> {
  const { workspace, ledger, row } = sealed;
  if (obstacle !== undefined) return stepAside(sealed, obstacle);
  return await workspace.offering(sealed.stage.contents, async () => {
    let prepared: PreparedFiles = [];
    try {
      prepared = await prepareFiles(workspace, row);
      return await applyPrepared(sealed, job, prepared);
    } catch (error) {
      // The next attempt goes on from the draft.
      if (isFailure(error) && !isRecordTrouble(error) && ledger.intent(row.intent.token)?.state !== 'applying')
        sealIntent(sealed, ledger, row);
      throw error;
    } finally {
      discardFiles(workspace, prepared);
    }
  });
}

async function applyPrepared(sealed: SealedAttempt, job: JobRow, prepared: PreparedFiles): Promise<AttemptResult> {
  const { workspace, caller, claim, stage, settings, ledger, row } = sealed;
  invariant(
    row.intent.token === claim.row.token && row.intent.args === claim.row.args,
    `intent ${row.digest} of step ${row.intent.stepId} is applied under the claim of another token`,
  );
  // After a repair, claims in flight of the same Run go on under the new term.
  const outcome = await applyIntent({ workspace, ledger, settings, term: job.term, runId: caller.runId }, row, {
    prepared,
    seen: stage.seenFiles,
    unsealed: () => withContents(sealed, ledger, row),
  });
  return await concludeAttempt(sealed, outcome, job.settings);
}
