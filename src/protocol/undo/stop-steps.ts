/**
 * From here on no step of the job runs any more: every claim is void, what was only sealed is dropped, and a step that
 * is requested says that it does not run. Durable, in one transaction, before anything else is done.
 */
import { isUndoId } from '../../model/record/token.ts';
import type { JobRow } from '../../store/ledger/jobs.ts';
import { removeIntentLeftovers } from '../commit/leftovers.ts';
import type { UndoBeginning } from './undo-beginning.ts';

/** Safe to repeat. */
export async function stopSteps({ ledger, caller, workspace, request }: UndoBeginning, job: JobRow): Promise<void> {
  const { jobId, settings, by, why } = request;
  const dropped = ledger
    .openIntents(jobId)
    .filter(({ state, intent }) => state === 'sealed' && !isUndoId(intent.stepId));
  ledger.transaction(() => {
    ledger.setRun(jobId, caller.runId, settings);
    for (const claim of ledger.openClaims(jobId))
      ledger.putClaim({ ...claim, state: 'closed', nonce: `void-${caller.runId}` });
    for (const { intent } of dropped) ledger.dropIntent(intent.token);
    if (job.state !== 'undoing') {
      ledger.setJobState(jobId, 'undoing');
      ledger.append(jobId, caller.runId, { kind: 'undoing', by, reason: why, changes: [] });
    }
    ledger.bind(jobId);
  });
  for (const { intent } of dropped) await removeIntentLeftovers(workspace, intent);
}
