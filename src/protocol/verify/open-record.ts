/**
 * Makes a workspace ready to be compared: binds it to the job, checks its record, carries sealed decisions out, and
 * fences whoever acted for an earlier Run.
 *
 * Invariants
 * 1. Nothing is done with a record that is damaged, or older than what the Workflow knows.
 * 2. A job with records that finds no ledger has lost it; it does not begin anew.
 */
import type { Finding } from '../../model/question/finding.ts';
import { stateDigest } from '../../model/record/world.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { redoLostRecord } from '../commit/lost-record.ts';
import { planState } from '../look/digests.ts';
import { isUnusableRecord, ledgerProblemFinding } from '../question/ledger-problem.ts';
import { missingLedgerFinding } from '../question/ledger.ts';
import { expectDatabases } from '../workspace/expected-databases.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { beginFork } from './begin-fork.ts';
import { carryOutDecisions } from './carry-out-decisions.ts';
import type { ChainReading } from './chain-reading.ts';
import { fenceEarlierRuns } from './fence-earlier-runs.ts';
import { foreignFindings } from './foreign-binding.ts';
import { findLedgerProblems } from './ledger-problems.ts';
import type { Verification } from './verification.ts';

/** What stands in the way of comparing at all; none: the world can be compared. Call under the lock. Safe to repeat. */
export async function openRecord(
  verification: Verification,
  workspace: Workspace,
  ledger: Ledger,
  chain: ChainReading,
): Promise<readonly Finding[]> {
  const { host, caller, request } = verification;
  const { jobId, settings } = request;
  workspace.reserveDatabases(settings);
  const bound = ledger.boundJobId();
  if (bound !== undefined && bound !== jobId)
    return await foreignFindings({ host, workspace, ledger, boundJobId: bound, jobId });
  if (ledger.job(jobId) === undefined && !beginFork(ledger, caller, request)) {
    if (request.known.seq > 0) return [missingLedgerFinding(workspace.root, request)];
    beginRecord(verification, ledger);
  }
  redoLostRecord(ledger, jobId, request.known);
  const check = await chain.check(ledger);
  // An older record says nothing of the world as it should be. Nor does a job go on that is being undone.
  const unusable = findLedgerProblems(ledger, request, chain.forgotten, check.problems).filter(
    (problem) => isUnusableRecord(problem) || problem.kind === 'undone-after-reset',
  );
  if (unusable.length > 0) return unusable.map(ledgerProblemFinding);
  expectDatabases(workspace, settings, (resource) => check.manifest.has(resource));
  // What an earlier Run had begun is recorded as that Run's, unless this one continues it.
  const { runId } = ledger.job(jobId)!;
  const decider = runId === request.continuedFrom ? caller : { ...caller, runId };
  const notCarriedOut = await carryOutDecisions({ host, workspace, caller: decider, ledger, jobId, settings });
  return notCarriedOut.length > 0 ? notCarriedOut : await fenceEarlierRuns(verification, workspace, ledger);
}

function beginRecord({ caller, request }: Verification, ledger: Ledger): void {
  const { jobId, settings } = request;
  const { workflowId, runId } = caller;
  ledger.transaction(() => {
    ledger.addJob({ jobId, workflowId, runId, settings });
    ledger.bind(jobId);
    const settingsDigest = stateDigest(planState(settings));
    ledger.append(jobId, runId, { kind: 'opened', workflowId, settings: settingsDigest, changes: [] });
  });
}
