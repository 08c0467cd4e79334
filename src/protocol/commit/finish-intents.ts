/**
 * What becomes of a job's open intents when its hold on the workspace ends: what is half applied is rolled forward,
 * what is only sealed is dropped. The results say which; their notes are for people and are never searched.
 */
import { isFailure } from '../../model/failure.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import type { JobUnderLock } from './job-under-lock.ts';
import { removeIntentLeftovers } from './leftovers.ts';
import { rollForwardIntent, whyNot } from './roll-forward.ts';

/** What became of one open intent. */
export type IntentEnd =
  | { readonly stepId: string; readonly outcome: 'dropped' | 'finished' }
  | {
      readonly stepId: string;
      readonly outcome: 'not finished';
      /** Without secrets. */
      readonly why: string;
      /** Did applying it fail, rather than find something in the way? */
      readonly hasFailed: boolean;
    };

/**
 * Call under the lock. Safe to repeat.
 * @param isTriedAgain what may pass is thrown, since the caller comes again
 * @throws whatever is no HoldfastError
 */
export async function finishIntents(
  job: JobUnderLock,
  jobId: string,
  isTriedAgain = false,
): Promise<readonly IntentEnd[]> {
  const ends: IntentEnd[] = [];
  for (const row of job.ledger.openIntents(jobId))
    ends.push(row.state === 'sealed' ? await dropIntent(job, row) : await finishIntent(job, row, isTriedAgain));
  return ends;
}

/** What a person should know of it. */
export function intentEndNote(end: IntentEnd): string {
  switch (end.outcome) {
    case 'dropped':
      return `step ${end.stepId}: its staged changes were dropped; none was applied`;
    case 'finished':
      return `step ${end.stepId}: half applied, finished`;
    case 'not finished': {
      const why = end.hasFailed ? `: ${end.why}` : ` (${end.why})`;
      return `step ${end.stepId}: half applied and not finished${why}`;
    }
  }
}

async function dropIntent({ workspace, ledger }: JobUnderLock, { intent }: IntentRow): Promise<IntentEnd> {
  ledger.transaction(() => ledger.dropIntent(intent.token));
  await removeIntentLeftovers(workspace, intent);
  return { stepId: intent.stepId, outcome: 'dropped' };
}

async function finishIntent(job: JobUnderLock, row: IntentRow, isTriedAgain: boolean): Promise<IntentEnd> {
  const { stepId } = row.intent;
  try {
    const outcome = await rollForwardIntent(job, row);
    if (outcome.kind === 'applied') return { stepId, outcome: 'finished' };
    return { stepId, outcome: 'not finished', why: whyNot(outcome), hasFailed: false };
  } catch (error) {
    if (!isFailure(error) || (error.retryable && isTriedAgain)) throw error;
    return { stepId, outcome: 'not finished', why: job.workspace.secrets.redact(error.message), hasFailed: true };
  }
}
