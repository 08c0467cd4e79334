/**
 * Intents that are half applied and whose step nobody requests any more: the Workflow was reset to before it and goes
 * another way, or its code went on after the step had failed. Unfinished they would hold up for ever whoever reads what
 * they have changed. From `applying` on an intent only rolls forward, so the verification finishes them.
 *
 * Invariants
 * 1. What an earlier Run had begun is recorded as that Run's: then it is ahead after a reset, and a person is asked.
 * 2. What can't be finished is asked about, never passed over.
 */
import type { Digest } from '../../model/digest.ts';
import { isFailure } from '../../model/failure.ts';
import type { VerifyWorldRequest } from '../../model/job/verify-world.ts';
import { canBeUndone } from '../../model/record/effect.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import { conflictFindings } from '../question/conflict.ts';
import { requestedStepOf } from '../../model/sub-step-id.ts';
import { withdraw } from '../question/ask.ts';
import { halfAppliedFinding, stuckFinding } from '../question/stuck.ts';
import type { JobUnderLock } from '../commit/job-under-lock.ts';
import { rollForwardIntent, whyNot } from '../commit/roll-forward.ts';

/** What a person is asked about an intent that can't be finished. */
export interface UnfinishedIntent {
  readonly stepId: string;
  readonly token: Digest;
  readonly findings: readonly Finding[];
}

/**
 * Finishes what it can; returns the first that it can't. `job.runId`: the Run that had begun to apply them. Call under
 * the lock, once every database has the term. Safe to repeat. @throws HoldfastError for what may pass
 */
export async function finishAbandoned(
  job: JobUnderLock,
  { jobId, asking }: Pick<VerifyWorldRequest, 'jobId' | 'asking'>,
): Promise<UnfinishedIntent | undefined> {
  if (asking === undefined) return undefined;
  let first: UnfinishedIntent | undefined;
  for (const row of job.ledger.openIntents(jobId)) {
    const { stepId, token } = row.intent;
    // The undoing of a sub-step is asked for under its own id.
    if (row.state !== 'applying' || asking.includes(requestedStepOf(stepId)) || asking.includes(stepId)) continue;
    const findings = await finish(job, row);
    if (findings.length > 0) first ??= { stepId, token, findings };
  }
  return first;
}

async function finish(job: JobUnderLock, row: IntentRow): Promise<readonly Finding[]> {
  const { workspace, ledger, settings, runId } = job;
  const { jobId, token } = row.intent;
  try {
    // With the record: a question about a step that is finished would stay open for ever.
    const outcome = await rollForwardIntent(job, row, () => {
      for (const question of ledger.openQuestions(jobId))
        if (question.token === token) withdraw(ledger, question, runId, 'the step was finished');
    });
    if (outcome.kind === 'conflicts') return await conflictFindings(workspace, settings, row.intent, outcome.conflicts);
    if (outcome.kind !== 'applied') return [unfinished(row, whyNot(outcome))];
    return [];
  } catch (error) {
    if (!isFailure(error) || error.retryable) throw error;
    return [unfinished(row, error.message)];
  }
}

function unfinished({ intent: { stepId, effects } }: IntentRow, why: string): Finding {
  // The wording identifies the question, so that it stays.
  const message =
    `Step ${stepId} is half applied, the Workflow does not ask for it any more, and it cannot be finished: ` + why;
  return halfAppliedFinding(stuckFinding(stepId, { type: 'stale-world', message }), canBeUndone(effects));
}
