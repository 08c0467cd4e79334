/** Finishes an intent that is half applied: from `applying` on it only rolls forward. */
import { invariant } from '../../model/invariant.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import type { ApplyObstacle, ApplyOutcome } from './apply-outcome.ts';
import { applyIntent } from './apply.ts';
import type { JobUnderLock } from './job-under-lock.ts';
import { removeIntentLeftovers } from './leftovers.ts';
import { overridesOf, prepareFiles } from './prepare.ts';
import { closeIntent, stepFields } from './step-record.ts';

/**
 * Applies what an intent that is half applied still lacks, and records its step. Call under the lock. Safe to repeat.
 * @param alsoRecorded writes what must be in the ledger with the record: one commit
 * @throws HoldfastError as `applyIntent`
 */
export async function rollForwardIntent(
  job: JobUnderLock,
  row: IntentRow,
  alsoRecorded: () => void = () => undefined,
): Promise<ApplyOutcome> {
  invariant(row.state === 'applying', `intent ${row.intent.token} is ${row.state} and cannot be rolled forward`);
  const { workspace, ledger, runId } = job;
  const prepared = await prepareFiles(workspace, row, overridesOf(ledger, row));
  const outcome = await applyIntent(job, row, { prepared, seen: new Map() });
  if (outcome.kind !== 'applied') return outcome;
  await removeIntentLeftovers(workspace, row.intent);
  ledger.transaction(() => {
    ledger.append(row.intent.jobId, runId, stepFields(row, outcome));
    closeIntent(ledger, row);
    alsoRecorded();
  });
  return outcome;
}

/** What stands in the way of finishing a half-applied intent. */
export function whyNot(obstacle: ApplyObstacle): string {
  switch (obstacle.kind) {
    case 'conflicts':
      return `neither as before nor as wanted: ${obstacle.conflicts.map(({ resource }) => resource).join(', ')}`;
    case 'stale':
      return `${obstacle.resource} has changed`;
    case 'must-verify':
      return obstacle.detail;
  }
}
