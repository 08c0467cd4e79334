/**
 * Begins (and begins again, after whatever interrupts it) to undo a job: from here on no step of it runs any more, what
 * is half applied is finished, what was only sealed is dropped, and what is left to undo is told, newest first.
 *
 * Invariants
 * 1. It acts only for the current Run, asked of the server under the lock, and raises the term: leftovers do nothing.
 * 2. That the job is being undone is durable, and every claim void, before anything else is done.
 * 3. The world is not compared as a whole: each undoing looks at what it is about to change.
 */
import { isFailure, type HoldfastError } from '../../model/failure.ts';
import type { BeginUndoRequest, BeginUndoResult } from '../../model/job/undo.ts';
import type { VerifyWorldRequest } from '../../model/job/verify-world.ts';
import type { Finding } from '../../model/question/finding.ts';
import { GENESIS } from '../../model/record/chain.ts';
import { isUndoId } from '../../model/record/token.ts';
import type { JobRow } from '../../store/ledger/jobs.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { finishAbandoned, type Unfinished } from '../verify/abandoned.ts';
import { removeIntentLeftovers } from '../commit/leftovers.ts';
import { damagedLedgerFinding, missingLedgerFinding, notCarriedOutFinding } from '../question/ledger.ts';
import { isUnusableRecord, ledgerProblemFinding } from '../question/ledger-problem.ts';
import { foreignFindings } from '../verify/foreign-binding.ts';
import { ForgottenSteps } from '../verify/forgotten-steps.ts';
import { findLedgerProblems } from '../verify/ledger-problems.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { expectDatabases } from '../workspace/expected-databases.ts';
import { ask, forPayload, unsavedQuestion, withdraw } from '../question/ask.ts';
import { rollForwardRepairs } from '../repair/roll-forward.ts';
import { redoLostRecord } from '../commit/step-record.ts';
import { unreachableFindings } from '../question/unseen.ts';
import { mustBeCurrentRun, raiseFences } from '../workspace/term.ts';
import { UndoPlan } from './plan.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { Workspaces } from '../workspace/workspaces.ts';

/** What an Activity's result holds of it at once. */
const MAX_UNDO_ITEMS = 100;

/** Safe to repeat. @throws HoldfastError `not-current-run`, or what may pass */
export async function beginUndoProtocol(
  host: ProtocolHost,
  workspaces: Workspaces,
  caller: Caller,
  request: BeginUndoRequest,
): Promise<BeginUndoResult> {
  const beginning = new Beginning(host, caller, request);
  try {
    // A job with a record finds an empty workspace: the record is lost, which is a question, not an empty job.
    const workspace =
      workspaces.find(request.workspace) ?? (request.known.seq > 0 ? workspaces.create(request.workspace) : undefined);
    return workspace === undefined ? beginning.nothing() : await beginning.in(workspace);
  } catch (error) {
    if (!isFailure(error, 'ledger-damaged')) throw error;
    return beginning.askUnsaved(error);
  }
}

interface Opened {
  readonly workspace: Workspace;
  readonly ledger: Ledger;
}

class Beginning {
  readonly #host: ProtocolHost;
  readonly #caller: Caller;
  readonly #request: BeginUndoRequest;

  constructor(host: ProtocolHost, caller: Caller, request: BeginUndoRequest) {
    this.#host = host;
    this.#caller = caller;
    this.#request = request;
  }

  /** The job has never had a workspace, so that it has done nothing. */
  nothing(): BeginUndoResult {
    return {
      kind: 'ready',
      mark: -1,
      term: 0,
      at: { seq: 0, head: GENESIS },
      items: [],
      total: 0,
      report: { steps: 0, effects: '', left: [], leftTotal: 0 },
      searchAttributes: this.#host.searchAttributes,
    };
  }

  askUnsaved(error: HoldfastError): BeginUndoResult {
    const question = unsavedQuestion({
      jobId: this.#request.jobId,
      why: this.#why,
      findings: [damagedLedgerFinding([error.message])],
    });
    return { kind: 'question', question: forPayload(question), term: 0, searchAttributes: this.#host.searchAttributes };
  }

  async in(workspace: Workspace): Promise<BeginUndoResult> {
    return await workspace.exclusive(
      'begin to undo',
      async (ledger) => {
        await mustBeCurrentRun(this.#host, this.#caller);
        const { jobId, known } = this.#request;
        const bound = ledger.boundJobId();
        const job = ledger.job(jobId);
        if (job === undefined && known.seq === 0) return this.nothing();
        if (bound !== undefined && bound !== jobId)
          return this.#asked(
            { workspace, ledger },
            await foreignFindings({ host: this.#host, workspace, ledger, boundJobId: bound, jobId }),
          );
        if (job === undefined)
          return this.#asked({ workspace, ledger }, [missingLedgerFinding(workspace.root, this.#verifying)]);
        const found = await this.#settle(workspace, ledger, job);
        if (found !== undefined)
          return this.#asked({ workspace, ledger }, found.findings, 'token' in found ? found : undefined);
        return await this.#ready(ledger);
      },
      { create: true, signal: this.#caller.signal },
    );
  }

  /** What stands in the way; undefined: undoing may begin. */
  async #settle(
    workspace: Workspace,
    ledger: Ledger,
    job: JobRow,
  ): Promise<{ readonly findings: readonly Finding[] } | Unfinished | undefined> {
    const { jobId, settings, known } = this.#request;
    workspace.reserveDatabases(settings);
    redoLostRecord(ledger, jobId, known);
    const forgotten = new ForgottenSteps(this.#verifying, this.#caller.runId);
    const check = await ledger.checkIntegrity(jobId, (record) => forgotten.read(record));
    const unusable = findLedgerProblems(ledger, this.#verifying, forgotten, check.problems).filter(isUnusableRecord);
    if (unusable.length > 0) return { findings: unusable.map(ledgerProblemFinding) };
    expectDatabases(workspace, settings, (resource) => check.manifest.has(resource));
    await this.#stopSteps(workspace, ledger, job);
    try {
      await rollForwardRepairs({ host: this.#host, workspace, caller: this.#caller, ledger, jobId, settings });
    } catch (error) {
      if (!isFailure(error) || error.retryable) throw error;
      return { findings: [notCarriedOutFinding(error)] };
    }
    const fences = await raiseFences(workspace, settings, jobId, ledger.job(jobId)!.term + 1);
    if ('unreachable' in fences) return { findings: unreachableFindings(fences.unreachable) };
    // An undoing that is half applied is gone on with in its turn.
    const asking = ledger.openIntents(jobId).flatMap(({ intent }) => (isUndoId(intent.stepId) ? [intent.stepId] : []));
    const unfinished = await finishAbandoned(
      { workspace, ledger, settings, term: fences.term, runId: this.#caller.runId },
      { jobId, asking },
    );
    ledger.transaction(() => ledger.raiseTerm(jobId, fences.term));
    return unfinished;
  }

  /** Every claim is void and what was only sealed is dropped; from here on a step that is asked for says that it doesn't run. */
  async #stopSteps(workspace: Workspace, ledger: Ledger, job: JobRow): Promise<void> {
    const { jobId, settings, by, why } = this.#request;
    const dropped = ledger
      .openIntents(jobId)
      .filter(({ state, intent }) => state === 'sealed' && !isUndoId(intent.stepId));
    ledger.transaction(() => {
      ledger.setRun(jobId, this.#caller.runId, settings);
      for (const claim of ledger.openClaims(jobId))
        ledger.putClaim({ ...claim, state: 'closed', nonce: `void-${this.#caller.runId}` });
      for (const { intent } of dropped) ledger.setIntentState(intent.token, 'dropped');
      if (job.state !== 'undoing') {
        ledger.setJobState(jobId, 'undoing');
        ledger.append(jobId, this.#caller.runId, { kind: 'undoing', by, reason: why, changes: [] });
      }
      ledger.bind(jobId);
    });
    for (const { intent } of dropped) await removeIntentLeftovers(workspace, intent);
  }

  async #ready(ledger: Ledger): Promise<BeginUndoResult> {
    const { jobId } = this.#request;
    ledger.transaction(() => {
      // What an undoing has asked is looked at again when its turn comes.
      for (const question of ledger.openQuestions(jobId))
        withdraw(ledger, question, this.#caller.runId, 'the job is being undone');
      if (ledger.workerOrdinal(this.#host.worker.id) === undefined)
        ledger.registerWorker(this.#host.worker.id, this.#host.worker.identity);
      ledger.setMark(jobId, this.#host.clock());
    });
    const plan = await UndoPlan.of(ledger, jobId);
    const items = plan.items(ledger, jobId, this.#host.steps);
    const { markOrdinal: mark, term, at } = ledger.job(jobId)!;
    return {
      kind: 'ready',
      mark,
      term,
      at,
      items: items.slice(0, MAX_UNDO_ITEMS),
      total: items.length,
      report: plan.report,
      searchAttributes: this.#host.searchAttributes,
    };
  }

  #asked({ workspace, ledger }: Opened, findings: readonly Finding[], step?: Unfinished): BeginUndoResult {
    const { jobId } = this.#request;
    const question = ask(ledger, workspace.secrets, {
      jobId,
      runId: this.#caller.runId,
      why: this.#why,
      findings,
      ...(step === undefined ? {} : { stepId: step.stepId, token: step.token }),
    });
    return {
      kind: 'question',
      question: forPayload(question),
      term: ledger.job(jobId)?.term ?? 0,
      searchAttributes: this.#host.searchAttributes,
    };
  }

  get #why(): string {
    return `${this.#request.reason}: ${this.#request.detail}`;
  }

  get #verifying(): VerifyWorldRequest {
    return this.#request;
  }
}
