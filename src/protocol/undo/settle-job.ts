/**
 * Brings a job to where it can be undone: the ledger is whole, its steps are stopped, its repairs are rolled forward,
 * every database has a new term, and what is half applied is finished.
 *
 * Invariant: that the job is being undone is durable before anything else of it is done.
 */
import { invariant } from '../../model/invariant.ts';
import type { Finding } from '../../model/question/finding.ts';
import { isUndoId } from '../../model/record/token.ts';
import type { JobRow } from '../../store/ledger/jobs.ts';
import { redoLostRecord } from '../commit/lost-record.ts';
import { isUnusableRecord, ledgerProblemFinding } from '../question/ledger-problem.ts';
import { unreachableFindings } from '../question/unseen.ts';
import { finishAbandoned, type UnfinishedIntent } from '../verify/abandoned.ts';
import { carryOutDecisions } from '../verify/carry-out-decisions.ts';
import { ForgottenSteps } from '../verify/forgotten-steps.ts';
import { findLedgerProblems } from '../verify/ledger-problems.ts';
import { expectDatabases } from '../workspace/expected-databases.ts';
import { raiseFences } from '../workspace/term.ts';
import { stopSteps } from './stop-steps.ts';
import type { UndoBeginning } from './undo-beginning.ts';

/** What a person is asked; with a token, about one step. */
export type UndoObstacle = { readonly findings: readonly Finding[] } | UnfinishedIntent;

/** What stands in the way; undefined: undoing may begin. Safe to repeat. @throws HoldfastError for what may pass */
export async function settleJob(beginning: UndoBeginning, job: JobRow): Promise<UndoObstacle | undefined> {
  const { host, workspace, caller, ledger, request } = beginning;
  const { jobId, settings } = request;
  workspace.reserveDatabases(settings);
  redoLostRecord(ledger, jobId, request.known);
  const unusable = await checkLedger(beginning);
  if (unusable.length > 0) return { findings: unusable };
  await stopSteps(beginning, job);
  const notCarriedOut = await carryOutDecisions({ host, workspace, caller, ledger, jobId, settings });
  if (notCarriedOut.length > 0) return { findings: notCarriedOut };
  return await raiseAndFinish(beginning);
}

/** What makes the record unusable. */
async function checkLedger({ workspace, ledger, request, caller }: UndoBeginning): Promise<readonly Finding[]> {
  const forgotten = new ForgottenSteps(request, caller.runId);
  const check = await ledger.checkIntegrity(request.jobId, (record) => forgotten.read(record));
  const unusable = findLedgerProblems(ledger, request, forgotten, check.problems).filter(isUnusableRecord);
  if (unusable.length === 0) expectDatabases(workspace, request.settings, (resource) => check.manifest.has(resource));
  return unusable.map(ledgerProblemFinding);
}

/** Raises the term in every database, finishes what is half applied, and raises the term in the ledger last. */
async function raiseAndFinish({
  workspace,
  ledger,
  request,
  caller,
}: UndoBeginning): Promise<UndoObstacle | undefined> {
  const { jobId, settings } = request;
  const { term } = ledger.job(jobId)!;
  const raised = await raiseFences(workspace, settings, jobId, term + 1);
  if ('unreachable' in raised) return { findings: unreachableFindings(raised.unreachable) };
  invariant(raised.term > term, 'whoever begins to undo raises the term');
  // An undoing that is half applied goes on in its turn.
  const asking = ledger.openIntents(jobId).flatMap(({ intent }) => (isUndoId(intent.stepId) ? [intent.stepId] : []));
  const unfinished = await finishAbandoned(
    { workspace, ledger, settings, term: raised.term, runId: caller.runId },
    { jobId, asking },
  );
  ledger.transaction(() => ledger.raiseTerm(jobId, raised.term));
  return unfinished;
}
