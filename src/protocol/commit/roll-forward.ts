/** Finishes an intent that is half applied: from `applying` on it only rolls forward. */
import type { JobSettings } from '../../model/job/settings.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { applyIntent, type ApplyOutcome } from './apply.ts';
import { removeIntentLeftovers } from './leftovers.ts';
import { overridesOf, prepareFiles } from './prepare.ts';
import { closeIntent, stepFields } from './step-record.ts';

/** A job while the workspace's lock is held, as an intent of it is finished. */
export interface JobUnderLock {
  readonly workspace: Workspace;
  readonly ledger: Ledger;
  readonly settings: JobSettings;
  readonly term: number;
  /** The Run that the record will name. */
  readonly runId: string;
}

/** Applies what is left of an intent that is being applied, and records its step. Call under the lock. @throws HoldfastError as `applyIntent` */
export async function rollForwardIntent(
  { workspace, ledger, settings, term, runId }: JobUnderLock,
  row: IntentRow,
): Promise<ApplyOutcome> {
  const prepared = await prepareFiles({ workspace, row }, overridesOf(ledger, row));
  const outcome = await applyIntent({ workspace, settings, row, term, runId, seenFiles: new Map() }, ledger, prepared);
  if (outcome.kind !== 'applied') return outcome;
  await removeIntentLeftovers(workspace, row.intent);
  ledger.transaction(() => {
    ledger.append(row.intent.jobId, runId, stepFields(row, outcome));
    closeIntent(ledger, row);
  });
  return outcome;
}

/** What stands in the way of finishing a half-applied intent. */
export function whyNot(outcome: Exclude<ApplyOutcome, { kind: 'applied' }>): string {
  switch (outcome.kind) {
    case 'conflicts':
      return `neither as before nor as wanted: ${outcome.conflicts.map(({ resource }) => resource).join(', ')}`;
    case 'stale':
      return `${outcome.resource} has changed`;
    case 'must-verify':
      return outcome.detail;
  }
}
