/**
 * Begins (and begins again, after whatever interrupts it) to undo a job: from here on no step of it runs any more, what
 * is half applied is finished, what was only sealed is dropped, and what is to be undone is told, newest first.
 *
 * Invariants
 * 1. It acts only for the current Run, asked of the server under the lock, and raises the term: leftovers do nothing.
 * 2. That the job is being undone is durable, and every claim void, before anything else is done.
 * 3. The world is not compared as a whole: each undoing looks at what it is about to change.
 */
import { defined } from '../../model/defined.ts';
import type { BeginUndoRequest, BeginUndoResult } from '../../model/job/undo.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { Question } from '../../model/question/question.ts';
import { GENESIS } from '../../model/record/chain.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { ask, forPayload, unsavedQuestion, withdraw } from '../question/ask.ts';
import { missingLedgerFinding } from '../question/ledger.ts';
import { isForPerson, unusableWorkspaceFinding } from '../question/workspace.ts';
import { foreignFindings } from '../verify/foreign-binding.ts';
import { patiently, refuseOutage } from '../verify/patience.ts';
import { missingRecordFinding } from '../verify/missing-record.ts';
import { doubtDamage, onFreshHandles } from '../workspace/fresh-handles.ts';
import { removeForgottenFiles } from '../commit/forgotten.ts';
import { mustBeCurrentRun } from '../workspace/term.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { Workspaces } from '../workspace/workspaces.ts';
import { UndoPlan } from './plan/plan.ts';
import { settleJob, type UndoObstacle } from './settle-job.ts';
import { whyBegun, type UndoBeginning } from './undo-beginning.ts';

/** What an Activity's result holds of the plan at once. */
const MAX_UNDO_ITEMS = 100;

/** Safe to repeat. @throws HoldfastError `not-current-run`, or what may pass */
export async function beginUndoProtocol(
  host: ProtocolHost,
  workspaces: Workspaces,
  caller: Caller,
  request: BeginUndoRequest,
): Promise<BeginUndoResult> {
  return await patiently({ host, caller, isAwaited: false }, async (mayWait) => {
    try {
      return await onFreshHandles((isFirstLook) => begin({ host, workspaces, caller, request, mayWait, isFirstLook }));
    } catch (error) {
      if (!isForPerson(error)) throw error;
      return questionResult(host, withoutRecordQuestion(request, unusableWorkspaceFinding(error)), 0);
    }
  });
}

interface UndoCall extends Pick<UndoBeginning, 'host' | 'caller' | 'request'> {
  readonly workspaces: Workspaces;
  /** An outage may be waited for: then nobody is asked. */
  readonly mayWait: boolean;
  /** A record that looks damaged is looked at once more: then nobody is asked. */
  readonly isFirstLook: boolean;
}

async function begin(call: UndoCall): Promise<BeginUndoResult> {
  const { host, workspaces, request } = call;
  // The record of a job that has one is lost: a question, not an empty job.
  const missing = missingRecordFinding(workspaces, request);
  if (missing !== undefined) return questionResult(host, withoutRecordQuestion(request, missing), 0);
  const workspace = workspaces.find(request.workspace);
  if (workspace === undefined) return nothingToUndo(host);
  return await beginIn(workspace, call);
}

async function beginIn(workspace: Workspace, call: UndoCall): Promise<BeginUndoResult> {
  const { host, caller, request, mayWait, isFirstLook } = call;
  return await workspace.exclusive(
    'begin to undo',
    async (ledger) => {
      await mustBeCurrentRun(host, caller);
      const beginning = { host, caller, request, workspace, ledger };
      if (ledger.job(request.jobId) === undefined && request.known.seq === 0) return nothingToUndo(host);
      const obstacle = await obstacleTo(beginning);
      if (obstacle === undefined) return await ready(beginning);
      if (isFirstLook) doubtDamage(workspace, obstacle.findings);
      if (mayWait) refuseOutage(obstacle.findings);
      return asked(beginning, obstacle);
    },
    { signal: caller.signal },
  );
}

async function obstacleTo(beginning: UndoBeginning): Promise<UndoObstacle | undefined> {
  const { host, workspace, ledger, request } = beginning;
  const { jobId } = request;
  const boundJobId = ledger.boundJobId();
  if (boundJobId !== undefined && boundJobId !== jobId)
    return { findings: await foreignFindings({ host, workspace, ledger, boundJobId, jobId }) };
  const job = ledger.job(jobId);
  if (job === undefined) return { findings: [missingLedgerFinding(workspace.root, request)] };
  return await settleJob(beginning, job);
}

/** The job has never had a workspace, so that it has done nothing. */
function nothingToUndo({ searchAttributes }: ProtocolHost): BeginUndoResult {
  return {
    kind: 'ready',
    mark: -1,
    term: 0,
    at: { seq: 0, head: GENESIS },
    items: [],
    total: 0,
    report: { steps: 0, effects: '', left: [], leftTotal: 0 },
    searchAttributes,
  };
}

async function ready({ host, caller, request, workspace, ledger }: UndoBeginning): Promise<BeginUndoResult> {
  const { jobId } = request;
  await removeForgottenFiles(workspace, ledger, ledger.job(jobId)!, host.clock());
  ledger.transaction(() => {
    // What an undoing has asked is looked at again when its turn comes.
    for (const question of ledger.openQuestions(jobId))
      withdraw(ledger, question, caller.runId, 'the job is being undone');
    if (ledger.workerOrdinal(host.worker.id) === undefined) ledger.registerWorker(host.worker.id, host.worker.identity);
    ledger.setMark(jobId, ledger.nextOrdinal(), host.clock());
  });
  const plan = await UndoPlan.of(ledger, jobId);
  const items = plan.items(ledger, jobId, host.steps);
  const { markOrdinal: mark, term, at } = ledger.job(jobId)!;
  return {
    kind: 'ready',
    mark,
    term,
    at,
    items: items.slice(0, MAX_UNDO_ITEMS),
    total: items.length,
    report: plan.report,
    searchAttributes: host.searchAttributes,
  };
}

function asked({ host, caller, request, workspace, ledger }: UndoBeginning, obstacle: UndoObstacle): BeginUndoResult {
  const { jobId } = request;
  const step = 'token' in obstacle ? obstacle : undefined;
  const question = ask(ledger, workspace.secrets, {
    jobId,
    runId: caller.runId,
    why: whyBegun(request),
    findings: obstacle.findings,
    ...defined({ stepId: step?.stepId, token: step?.token }),
  });
  return questionResult(host, question, ledger.job(jobId)?.term ?? 0);
}

/** A record that is not there, or cannot be used, stores no question. */
function withoutRecordQuestion(request: BeginUndoRequest, finding: Finding): Question {
  return unsavedQuestion({ jobId: request.jobId, why: whyBegun(request), findings: [finding] });
}

function questionResult({ searchAttributes }: ProtocolHost, question: Question, term: number): BeginUndoResult {
  return { kind: 'question', question: forPayload(question), term, searchAttributes };
}
