/**
 * The record that a power loss took of the chain's end: its append was not fsynced, and the Workflow has heard of it.
 *
 * Invariant: it is appended again word for word, in its place, from the plan in the ledger's fsynced `applying`.
 */
import type { ChainPlace } from '../../model/job/chain-place.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { asPrepared, closeIntent, stepFields } from './step-record.ts';

/** `known`: the last record that the Workflow has heard of. Call under the lock. Safe to repeat. */
export function redoLostRecord(ledger: Ledger, jobId: string, known: ChainPlace): void {
  const job = ledger.job(jobId);
  if (job === undefined || known.seq !== job.at.seq + 1) return;
  for (const row of ledger.openIntents(jobId)) {
    const prepared = ledger.preparedAfters(row.intent.token);
    if (row.state !== 'applying' || prepared.record?.head !== known.head) continue;
    const planned = ledger.plan(
      jobId,
      prepared.record.runId,
      stepFields(row, asPrepared(row.intent, prepared)),
      prepared.record.at,
    );
    if (planned.at.head !== known.head) continue;
    ledger.transaction(() => {
      ledger.appendPlanned(planned);
      closeIntent(ledger, row);
      const claim = ledger.claim(row.intent.token);
      if (claim !== undefined) ledger.putClaim({ ...claim, state: 'done' });
    });
    return;
  }
}
