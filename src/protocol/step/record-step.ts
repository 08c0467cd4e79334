/** Records an applied step: its record, its intent and its claim in one transaction. Call under the lock. */
import type { RunStepResult } from '../../model/job/run-step.ts';
import { faultPoint } from '../../store/fault-point.ts';
import type { AppliedIntent } from '../commit/apply-outcome.ts';
import { closeIntent, stepFields } from '../commit/step-record.ts';
import type { SealedAttempt } from './step-run.ts';

/**
 * A planned record is in the ledger's fsynced `applying` already and needs no fsync of its own.
 * @throws HoldfastError `defect` where another record has taken its place in the chain
 */
export function recordStep({ caller, work, claim, ledger, row }: SealedAttempt, applied: AppliedIntent): RunStepResult {
  const { jobId } = row.intent;
  const { planned } = applied;
  faultPoint('record.before');
  const { record, at } = ledger.transaction(
    () => {
      const appended =
        planned === undefined
          ? ledger.append(jobId, caller.runId, stepFields(row, applied))
          : ledger.appendPlanned(planned);
      closeIntent(ledger, row);
      claim.update(ledger, { state: 'done' });
      return appended;
    },
    { relaxed: planned !== undefined },
  );
  faultPoint('record.after');
  return work.result(record, at, ledger);
}
