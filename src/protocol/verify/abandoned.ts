/**
 * Intents that are half applied and whose step nobody asks for any more: the Workflow was reset to before it and goes
 * another way, or its code went on after the step had failed. Left alone they would hold up for ever whoever reads what
 * they have changed. From `applying` on an intent only rolls forward, so the verification finishes them.
 *
 * Invariants
 * 1. What an earlier Run had begun is recorded as that Run's: then it is ahead after a reset, and a person is asked.
 * 2. What can't be finished is asked about, never passed over.
 */
import type { Digest } from '../../model/digest.ts';
import { HoldfastError, isFailure } from '../../model/failure.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import type { VerifyWorldRequest } from '../../model/job/verify-world.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { conflictFindings } from '../question/conflict.ts';
import { withdraw } from '../question/ask.ts';
import { stuckFinding } from '../question/stuck.ts';
import { rollForwardIntent, whyNot } from '../commit/roll-forward.ts';
import type { Workspace } from '../workspace/workspace.ts';

export interface AbandonedParts {
  readonly workspace: Workspace;
  readonly ledger: Ledger;
  readonly settings: JobSettings;
  readonly term: number;
  /** The Run that had begun to apply them. */
  readonly runId: string;
}

/** What a person is asked about one of them. */
export interface Unfinished {
  readonly stepId: string;
  readonly token: Digest;
  readonly findings: readonly Finding[];
}

/** Finishes what it can; returns the first that it can't. Call under the lock, once every database has the term. @throws HoldfastError for what may pass */
export async function finishAbandoned(
  parts: AbandonedParts,
  { jobId, asking }: Pick<VerifyWorldRequest, 'jobId' | 'asking'>,
): Promise<Unfinished | undefined> {
  if (asking === undefined) return undefined;
  let first: Unfinished | undefined;
  for (const row of parts.ledger.openIntents(jobId)) {
    const { stepId, token } = row.intent;
    if (row.state !== 'applying' || asking.includes(stepId)) continue;
    const findings = await finish(parts, row);
    if (findings.length > 0) first ??= { stepId, token, findings };
  }
  return first;
}

async function finish(parts: AbandonedParts, row: IntentRow): Promise<readonly Finding[]> {
  const { workspace, ledger, settings, runId } = parts;
  const { jobId, stepId, token } = row.intent;
  try {
    const outcome = await rollForwardIntent(parts, row);
    if (outcome.kind === 'conflicts') return await conflictFindings(workspace, settings, row.intent, outcome.conflicts);
    if (outcome.kind !== 'applied') return [unfinished(stepId, whyNot(outcome))];
    ledger.transaction(() => {
      for (const question of ledger.openQuestions(jobId))
        if (question.token === token) withdraw(ledger, question, runId, 'the step was finished');
    });
    return [];
  } catch (error) {
    if (!isFailure(error) || error.retryable) throw error;
    return [unfinished(stepId, error.message)];
  }
}

function unfinished(stepId: string, why: string): Finding {
  return stuckFinding(
    stepId,
    new HoldfastError(
      'stale-world',
      `Step ${stepId} is half applied, the Workflow does not ask for it any more, and it cannot be finished: ${why}`,
    ),
    'step-cannot-go-on',
    [stepId],
  );
}
