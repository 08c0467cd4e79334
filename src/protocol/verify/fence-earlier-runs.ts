/**
 * The first verification of a Run fences whoever acted for an earlier one.
 *
 * Invariants
 * 1. The fence rows of every database have the new term first, in canonical order, and the ledger last.
 * 2. What an earlier Run had begun to apply is finished before the ledger knows the new Run: it is that Run's record.
 */
import { invariant } from '../../model/invariant.ts';
import type { Finding } from '../../model/question/finding.ts';
import { faultPoint } from '../../store/fault-point.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { unreachableFindings } from '../question/unseen.ts';
import { raiseFences } from '../workspace/term.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { finishAbandoned } from './abandoned.ts';
import type { Verification } from './verification.ts';

/** The databases that could not be fenced; none: all are, or need not be. Call under the lock. Safe to repeat. */
export async function fenceEarlierRuns(
  { caller, request }: Verification,
  workspace: Workspace,
  ledger: Ledger,
): Promise<readonly Finding[]> {
  const { jobId, settings } = request;
  const job = ledger.job(jobId)!;
  if (job.runId === caller.runId && job.term > 0) return [];
  const fences = await raiseFences(workspace, settings, jobId, job.term + 1);
  if ('unreachable' in fences) return unreachableFindings(fences.unreachable);
  const { term } = fences;
  invariant(term > job.term, `the term of job ${jobId} rises above ${job.term}`);
  // After continue-as-new it is one Run's work; after a reset another's. What can't be finished now is asked about once
  // the world has been compared.
  const runId = job.runId === request.continuedFrom ? caller.runId : job.runId;
  await finishAbandoned({ workspace, ledger, settings, term, runId }, request);
  ledger.transaction(() => {
    ledger.setRun(jobId, caller.runId, settings);
    ledger.raiseTerm(jobId, term);
    if (job.state !== 'undoing') ledger.setJobState(jobId, 'open');
    ledger.bind(jobId);
  });
  faultPoint('term.raised');
  return [];
}
