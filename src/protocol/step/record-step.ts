/** Records an applied step: its record, its intent and its claim in one transaction. Call under the lock. */
import type { RunStepResult } from '../../model/job/run-step.ts';
import { isToApply } from '../../model/record/effect.ts';
import type { Intent } from '../../model/record/intent.ts';
import { faultPoint } from '../../store/fault-point.ts';
import type { PlacedRecord } from '../../store/ledger/records.ts';
import type { AppliedIntent } from '../commit/apply-outcome.ts';
import { asPrepared, closeIntent, stepFields } from '../commit/step-record.ts';
import type { SealedAttempt } from './step-run.ts';

/**
 * A planned record is in the ledger's fsynced `applying` already and needs no fsync of its own.
 * @throws HoldfastError `defect` where another record has taken its place in the chain
 */
export function recordStep(sealed: SealedAttempt, applied: AppliedIntent): RunStepResult {
  const { work, ledger } = sealed;
  faultPoint('record.before');
  const relaxed = applied.planned !== undefined;
  const { record, at } = ledger.transaction(() => appendStep(sealed, applied), { relaxed });
  faultPoint('record.after');
  return work.result(record, at, ledger);
}

/** What neither changes nor has looked at anything: there is nothing to prepare, and nothing to compare again. */
export function isOnlyRecorded({ effects, observations, queries, listings }: Intent): boolean {
  return !effects.some(isToApply) && observations.length + queries.length + listings.length === 0;
}

/** The record of such an intent: it says what its intent says. Call in a transaction. */
export function appendUnapplied(sealed: SealedAttempt): PlacedRecord {
  const { intent } = sealed.row;
  return appendStep(sealed, { kind: 'applied', ...asPrepared(intent, { afters: {}, changes: [] }) });
}

function appendStep({ caller, claim, ledger, row }: SealedAttempt, applied: AppliedIntent): PlacedRecord {
  const { planned } = applied;
  const appended =
    planned === undefined
      ? ledger.append(row.intent.jobId, caller.runId, stepFields(row, applied))
      : ledger.appendPlanned(planned);
  closeIntent(ledger, row);
  claim.update(ledger, { state: 'done' });
  return appended;
}
